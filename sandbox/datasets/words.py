"""Word lists that companies, people and places of the datasets are made of. All of them invented or commonplace."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """``cities`` are (name, post code, state or county). Phone numbers begin with ``dial``; domains end in ``tld``."""

    code: str
    name: str
    currency: str
    dial: str
    tld: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]
    legal: tuple[str, ...]
    number_first: bool = False


COUNTRIES = (
    Country(
        "DE", "Germany", "EUR", "+49 {area} {local}", "de",
        ("Anke", "Birgit", "Dieter", "Elke", "Falk", "Gesine", "Holger", "Imke", "Jürgen", "Katrin", "Lars", "Uwe"),
        ("Ahlers", "Brandt", "Cordes", "Dreyer", "Ehlert", "Fricke", "Gerdes", "Hinrichs", "Jessen", "Kröger", "Lühr"),
        ("Hafenstraße", "Lindenallee", "Bahnhofstraße", "Am Speicher", "Mühlenweg", "Industriestraße", "Kirchgasse"),
        (("Hamburg", "20457", "Hamburg"), ("Bremen", "28195", "Bremen"), ("Kiel", "24103", "Schleswig-Holstein"),
         ("Lübeck", "23552", "Schleswig-Holstein"), ("Köln", "50667", "Nordrhein-Westfalen"),
         ("Leipzig", "04109", "Sachsen"), ("Ulm", "89073", "Baden-Württemberg")),
        ("GmbH", "AG", "GmbH & Co. KG", "KG", "e.K."),
    ),
    Country(
        "DK", "Denmark", "DKK", "+45 {area} {local}", "dk",
        ("Anders", "Bodil", "Carsten", "Dorthe", "Esben", "Freja", "Gorm", "Helle", "Inge", "Jeppe", "Kirsten", "Mads"),
        ("Andersen", "Bruun", "Dalgaard", "Eskildsen", "Friis", "Gregersen", "Holm", "Iversen", "Juhl", "Kjær", "Lund"),
        ("Strandvejen", "Havnegade", "Skolevej", "Møllevej", "Industrivej", "Østergade", "Nørregade"),
        (("København", "1050", ""), ("Aarhus", "8000", ""), ("Odense", "5000", ""), ("Aalborg", "9000", ""),
         ("Esbjerg", "6700", ""), ("Horsens", "8700", "")),
        ("A/S", "ApS", "I/S"),
    ),
    Country(
        "SE", "Sweden", "SEK", "+46 {area} {local}", "se",
        ("Agneta", "Björn", "Cecilia", "David", "Elsa", "Fredrik", "Gunilla", "Henrik", "Ida", "Johan", "Karin",
         "Nils"),
        ("Ahlgren", "Bergström", "Dahlin", "Ekman", "Forsberg", "Granlund", "Hedlund", "Isaksson", "Jansson", "Kvist"),
        ("Storgatan", "Hamngatan", "Kyrkogatan", "Skogsvägen", "Industrigatan", "Ängsvägen", "Kungsgatan"),
        (("Göteborg", "411 06", ""), ("Malmö", "211 22", ""), ("Uppsala", "753 20", ""), ("Växjö", "352 30", ""),
         ("Umeå", "903 25", ""), ("Stockholm", "111 29", "")),
        ("AB", "HB", "Handelsbolag"),
    ),
    Country(
        "GB", "United Kingdom", "GBP", "+44 {area} {local}", "co.uk",
        ("Alice", "Bryony", "Callum", "Diana", "Edmund", "Fiona", "Gareth", "Harriet", "Ian", "Jemima", "Kieran",
         "Owen"),
        ("Ashdown", "Blackwood", "Chapman", "Denholm", "Everett", "Fairclough", "Garside", "Hargreaves", "Kendrick"),
        ("Mill Lane", "Station Road", "Quayside", "Church Street", "Victoria Road", "Canal Street", "Kiln Close"),
        (("Bristol", "BS1 4DJ", "Avon"), ("Leeds", "LS1 5AB", "West Yorkshire"), ("Norwich", "NR1 3QY", "Norfolk"),
         ("Hull", "HU1 2AA", "East Yorkshire"), ("Cardiff", "CF10 1EP", "Glamorgan"), ("Exeter", "EX1 1GE", "Devon")),
        ("Ltd", "Limited", "PLC", "LLP"),
        number_first=True,
    ),
    Country(
        "US", "United States", "USD", "+1 {area} {local}", "com",
        ("Abigail", "Brandon", "Carmen", "Derek", "Emily", "Felix", "Grace", "Hector", "Iris", "Joel", "Kendra",
         "Luis"),
        ("Abbott", "Barlow", "Castillo", "Dawson", "Ellison", "Foster", "Grady", "Holloway", "Ingram", "Jarvis",
         "Keller"),
        ("Main Street", "Harbor Drive", "Oak Avenue", "Commerce Way", "2nd Street", "Lakeview Boulevard", "Pine Road"),
        (("Portland", "97204", "OR"), ("Duluth", "55802", "MN"), ("Savannah", "31401", "GA"), ("Tacoma", "98402", "WA"),
         ("Albany", "12207", "NY"), ("Boulder", "80302", "CO")),
        ("Inc.", "LLC", "Corp."),
        number_first=True,
    ),
    Country(
        "NL", "Netherlands", "EUR", "+31 {area} {local}", "nl",
        ("Anouk", "Bram", "Carlijn", "Daan", "Esther", "Floris", "Greet", "Hidde", "Ilse", "Joost", "Klaas", "Lotte"),
        ("Aalders", "Bakker", "Cornelissen", "de Graaf", "Elzinga", "Folkerts", "Groen", "Hoekstra", "Jonker",
         "Kuiper"),
        ("Havenkade", "Kerkstraat", "Molenweg", "Stationsplein", "Nijverheidsweg", "Dorpsstraat", "Keizersweg"),
        (("Rotterdam", "3011 AA", "Zuid-Holland"), ("Groningen", "9711 LM", "Groningen"),
         ("Utrecht", "3511 CE", "Utrecht"), ("Zwolle", "8011 PK", "Overijssel"), ("Breda", "4811 ZN", "Noord-Brabant")),
        ("B.V.", "N.V.", "V.O.F."),
    ),
    Country(
        "FR", "France", "EUR", "+33 {area} {local}", "fr",
        ("Aurélie", "Bastien", "Céline", "Damien", "Élodie", "Fabrice", "Gaëlle", "Hugo", "Inès", "Julien", "Margaux"),
        ("Archambault", "Bellerose", "Charpentier", "Delmas", "Escoffier", "Fontaine", "Garnier", "Hébert", "Lacroix"),
        ("rue du Port", "avenue des Tilleuls", "quai de la Loire", "rue de la Gare", "chemin des Vignes"),
        (("Nantes", "44000", ""), ("Lyon", "69002", ""), ("Rennes", "35000", ""), ("Lille", "59000", ""),
         ("Brest", "29200", "")),
        ("SARL", "SAS", "SA"),
        number_first=True,
    ),
    Country(
        "PL", "Poland", "EUR", "+48 {area} {local}", "pl",
        ("Agnieszka", "Bartosz", "Czesław", "Dorota", "Ewa", "Filip", "Grażyna", "Hubert", "Izabela", "Jacek", "Kinga"),
        ("Adamczyk", "Borowski", "Chmielewska", "Dąbrowski", "Gajewska", "Jaworski", "Kaczmarek", "Lewandowski"),
        ("ul. Portowa", "ul. Lipowa", "ul. Kolejowa", "al. Wolności", "ul. Młyńska", "ul. Szkolna"),
        (("Gdańsk", "80-831", "Pomorskie"), ("Poznań", "61-772", "Wielkopolskie"), ("Łódź", "90-002", "Łódzkie"),
         ("Szczecin", "70-535", "Zachodniopomorskie")),
        ("Sp. z o.o.", "S.A.", "sp.j."),
    ),
    Country(
        "CH", "Switzerland", "CHF", "+41 {area} {local}", "ch",
        ("Andrea", "Beat", "Claudia", "Daniela", "Fabienne", "Hansueli", "Jasmin", "Luca", "Noëmi", "Reto", "Urs"),
        ("Aebischer", "Bühlmann", "Caduff", "Frei", "Gasser", "Hürlimann", "Imhof", "Kälin", "Odermatt", "Zgraggen"),
        ("Seestrasse", "Bahnhofplatz", "Dorfstrasse", "Im Grund", "Mühlebachweg", "Gewerbestrasse"),
        (("Luzern", "6003", "LU"), ("Winterthur", "8400", "ZH"), ("Chur", "7000", "GR"), ("Basel", "4051", "BS")),
        ("AG", "GmbH", "Sàrl"),
    ),
    Country(
        "AT", "Austria", "EUR", "+43 {area} {local}", "at",
        ("Alois", "Brigitte", "Christoph", "Doris", "Elfriede", "Florian", "Gerlinde", "Hannes", "Ingrid", "Leopold"),
        ("Aigner", "Binder", "Dorfer", "Egger", "Fellner", "Gruber", "Haslinger", "Kofler", "Moser", "Reisinger"),
        ("Hauptplatz", "Donaulände", "Bergstraße", "Am Anger", "Salzgasse", "Wiener Straße"),
        (("Linz", "4020", "Oberösterreich"), ("Graz", "8010", "Steiermark"), ("Wien", "1010", "Wien"),
         ("Salzburg", "5020", "Salzburg")),
        ("GmbH", "AG", "OG"),
    ),
)  # fmt: skip

BY_CODE = {country.code: country for country in COUNTRIES}

ROOTS = (
    "Adler", "Alba", "Arden", "Aster", "Baltic", "Birken", "Blau", "Brücken", "Bryn", "Carré", "Coral", "Delta", "Dune",
    "Eiben", "Elm", "Ester", "Falken", "Fjord", "Forge", "Garn", "Granit", "Halden", "Harbour", "Hasel", "Heron",
    "Isar", "Juniper", "Kestrel", "Klipp", "Kupfer", "Lark", "Linden", "Lumen", "Marsch", "Meridian", "Moor", "Nord",
    "Oak", "Orion", "Osprey", "Pinien", "Polar", "Quarz", "Raven", "Reed", "Ruhr", "Salm", "Sand", "Seal", "Silber",
    "Skov", "Sommer", "Sten", "Storm", "Sund", "Tann", "Tidal", "Ulmen", "Vale", "Vest", "Weiden", "Wester", "Willow",
)  # fmt: skip
ENDINGS = (
    "bach", "berg", "borg", "bridge", "brook", "burg", "by", "dal", "dale", "feld", "field", "ford", "gaard", "garten",
    "haven", "heim", "hof", "holm", "land", "lund", "mark", "mere", "mont", "mühle", "ness", "rode", "side", "skov",
    "stad", "stein", "strand", "tal", "thorpe", "tor", "vik", "wald", "wick", "wood",
)  # fmt: skip
TRADES = (
    "Marine", "Logistics", "Bakery", "Timber", "Optics", "Textiles", "Foods", "Engineering", "Printing", "Furniture",
    "Energy", "Tools", "Ceramics", "Cycles", "Pharma", "Software", "Instruments", "Seafood", "Metals", "Packaging",
    "Gardens", "Catering", "Roofing", "Electronics", "Paper", "Dairy", "Wines", "Robotics", "Travel", "Glass",
    "Plastics", "Brewery", "Medical", "Lighting", "Toys", "Outdoor", "Coffee", "Stone", "Fashion", "Motors",
    "Heating", "Acoustics", "Security", "Cleaning", "Chemicals", "Publishing", "Fisheries", "Solar", "Bikes", "Crafts",
    "Hydraulics", "Sports", "Audio", "Kitchens", "Shipping", "Surveying", "Insulation", "Ironworks", "Labs", "Nursery",
)  # fmt: skip
JOBS = (
    "Purchasing Manager", "Managing Director", "Accountant", "Warehouse Lead", "Office Manager", "Head of Operations",
    "Buyer", "Site Engineer", "Sales Director", "Controller", "Project Lead", "Assistant",
)  # fmt: skip
