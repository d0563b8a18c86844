// Walks through what the documentation of dynamics-web-api shows, with data of our own, beyond the steps of run.mjs.
// Prints one JSON line per step. Usage: node documented.mjs <origin> <token>   (NODE_EXTRA_CA_CERTS: the sandbox's CA file)
import { DynamicsWebApi } from "dynamics-web-api";
import { step } from "./step.mjs";

const [origin, token] = process.argv.slice(2);
const config = { serverUrl: origin, dataApi: { version: "9.2" }, onTokenRefresh: async () => token };
const api = new DynamicsWebApi(config);
const crm = (name) => `Microsoft.Dynamics.CRM.${name}`;
const label = (text) => ({
  "@odata.type": crm("Label"),
  LocalizedLabels: [{ "@odata.type": crm("LocalizedLabel"), Label: text, LanguageCode: 1033 }],
});

// -- Rows
const leads = "leads";
const lead = await step("lead", () =>
  api.create({
    collection: leads,
    data: { subject: "Boat", firstname: "Ida", lastname: "Berg", jobtitle: "Owner" },
    returnRepresentation: true,
  }),
);
const key = lead.leadid;
await step("lead updated", () =>
  api.update({ collection: leads, key, data: { jobtitle: "Skipper" }, returnRepresentation: true, select: ["fullname"] }),
);
await step("single column", () =>
  api.updateSingleProperty({ collection: leads, key, fieldValuePair: { subject: "Bigger boat" } }),
);
await step("not modified", () => api.retrieve({ collection: leads, key, select: ["subject"], ifnonematch: "W/\"1\"" }));
await step("reference of the owner", () => api.retrieve({ collection: leads, key, select: ["ownerid/$ref"] }));
const account = await api.create({ collection: "accounts", data: { name: "Berg Shipping" } });
await step("associate leads", () =>
  api.associate({
    collection: "accounts",
    primaryKey: account,
    relationshipName: "lead_parent_account",
    relatedCollection: leads,
    relatedKey: key,
  }),
);
await step("related row by path", () => api.retrieve({ collection: leads, key, select: ["/parentaccountid", "name"] }));
await step("related row by property", () =>
  api.retrieve({ collection: leads, key, navigationProperty: "parentaccountid", select: ["name"] }),
);
await step("disassociate leads", () =>
  api.disassociate({ collection: "accounts", primaryKey: account, relationshipName: "lead_parent_account", relatedKey: key }),
);
await step("page of leads", async () => {
  const page = await api.retrieveMultiple({
    collection: leads,
    select: ["fullname"],
    filter: "statecode eq 0",
    maxPageSize: 5,
    count: true,
    includeAnnotations: "*",
  });
  return { count: page.oDataCount, total: page["@Microsoft.Dynamics.CRM.totalrecordcount"] };
});
await step("count all", () => api.countAll({ collection: leads, filter: "statecode eq 0", select: ["leadid"] }));
await step("formatted", () =>
  api.retrieve({ collection: leads, key, select: ["donotemail", "leadqualitycode", "_ownerid_value"], includeAnnotations: "*" }),
);

// -- Batches
const person = { firstname: "John", lastname: "Doe" };
await step("order first, its customer by content id", () => {
  api.startBatch();
  api.create({ collection: "salesorders", data: { name: "Membership" }, contentId: "1" });
  api.create({ collection: "customerid_contact", data: person, contentId: "$1" });
  return api.executeBatch();
});
await step("order of that customer", () =>
  api.retrieveMultiple({
    collection: "salesorders",
    select: ["name"],
    filter: "name eq 'Membership'",
    expand: [{ property: "customerid_contact", select: ["lastname"] }],
  }),
);
await step("customer first, order by content id", () => {
  api.startBatch();
  api.create({ collection: "contacts", data: person, contentId: "1" });
  api.create({ collection: "salesorders", data: { name: "Book", "customerid_contact@odata.bind": "$1" } });
  return api.executeBatch();
});
await step("batch without any change set", () => {
  api.startBatch();
  api.create({ collection: "contacts", data: person, contentId: "1" });
  api.create({ collection: leads, data: { subject: "Alone", lastname: "Alone" } });
  return api.executeBatch({ inChangeSet: false });
});
await step("change sets and a single request", () => {
  api.startBatch();
  api.create({ collection: "contacts", data: person, contentId: "1" });
  api.create({ collection: "tasks", data: { subject: "Call" }, inChangeSet: false });
  api.create({ collection: leads, data: { lastname: "Second" } });
  return api.executeBatch({ continueOnError: true });
});
await step("change set that fails", () => {
  api.startBatch();
  api.create({ collection: leads, data: { lastname: "Rolled back" } });
  api.create({ collection: leads, data: { lastname: "x".repeat(51) } });
  return api.executeBatch();
});
await step("nothing of the failed change set", () => api.count({ collection: leads, filter: "lastname eq 'Rolled back'" }));
await step("long filter goes as a batch", async () => {
  const filter = Array.from({ length: 120 }, (_, index) => `lastname eq 'Somebody with a long name ${index}'`).join(" or ");
  return (await api.retrieveMultiple({ collection: leads, select: ["lastname"], filter })).value.length;
});

// -- Functions and actions
const opportunity = await api.create({
  collection: "opportunities",
  data: { name: "Ferry", "parentaccountid@odata.bind": `accounts(${account})` },
});
await step("win an opportunity", () =>
  api.callAction({
    actionName: "WinOpportunity",
    action: {
      Status: 3,
      OpportunityClose: { subject: "Won", "opportunityid@odata.bind": `opportunities(${opportunity})` },
    },
  }),
);
await step("won", () => api.retrieve({ collection: "opportunities", key: opportunity, select: ["statecode"] }));

// -- Definitions
const entityId = await step("create table", () =>
  api.createEntity({
    data: {
      "@odata.type": crm("EntityMetadata"),
      SchemaName: "new_BankAccount",
      DisplayName: label("Bank Account"),
      DisplayCollectionName: label("Bank Accounts"),
      Description: label("Where customers keep their money"),
      OwnershipType: "UserOwned",
      HasActivities: false,
      HasNotes: false,
      IsActivity: false,
      Attributes: [
        {
          "@odata.type": crm("StringAttributeMetadata"),
          AttributeType: "String",
          AttributeTypeName: { Value: "StringType" },
          SchemaName: "new_AccountName",
          DisplayName: label("Account Name"),
          IsPrimaryName: true,
          RequiredLevel: { Value: "None" },
          FormatName: { Value: "Text" },
          MaxLength: 100,
        },
      ],
    },
  }),
);
const table = "LogicalName='new_bankaccount'";
const definition = await step("table", () => api.retrieveEntity({ key: table }));
await step("table by id", () => api.retrieveEntity({ key: entityId, select: ["SchemaName", "LogicalName"] }));
await step("rename table", async () => {
  definition.DisplayName.LocalizedLabels[0].Label = "Giro";
  await api.updateEntity({ data: definition, mergeLabels: true });
  return (await api.retrieveEntity({ key: table, select: ["DisplayName"] })).DisplayName.LocalizedLabels[0].Label;
});
await step("publish", () =>
  api.callAction({
    actionName: "PublishXml",
    action: { ParameterXml: "<importexportxml><entities><entity>new_bankaccount</entity></entities></importexportxml>" },
  }),
);
await step("tables owned by users", async () => {
  const filter = "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'";
  const found = await api.retrieveEntities({ select: ["LogicalName"], filter });
  return found.value.map((row) => row.LogicalName).filter((name) => ["account", "businessunit"].includes(name));
});
const attributeId = await step("create column", () =>
  api.createAttribute({
    entityKey: entityId,
    data: {
      "@odata.type": crm("MoneyAttributeMetadata"),
      AttributeType: "Money",
      AttributeTypeName: { Value: "MoneyType" },
      SchemaName: "new_Balance",
      DisplayName: label("Balance"),
      RequiredLevel: { Value: "None" },
      PrecisionSource: 2,
    },
  }),
);
const money = crm("MoneyAttributeMetadata");
await step("column by ids", () =>
  api.retrieveAttribute({ entityKey: entityId, attributeKey: attributeId, select: ["SchemaName"], castType: money }),
);
await step("rename column", async () => {
  const column = "LogicalName='new_balance'";
  const data = await api.retrieveAttribute({ entityKey: table, attributeKey: column, castType: money });
  data.DisplayName.LocalizedLabels[0].Label = "Saldo";
  await api.updateAttribute({ entityKey: table, data, castType: money });
  const after = await api.retrieveAttribute({ entityKey: table, attributeKey: column });
  return after.DisplayName.LocalizedLabels[0].Label;
});
await step("columns of a type", async () => {
  const found = await api.retrieveAttributes({ entityKey: table, castType: money, select: ["LogicalName"] });
  return found.value.map((row) => row.LogicalName);
});
await step("table with its columns", async () => {
  const found = await api.retrieve({
    collection: "EntityDefinitions",
    key: entityId,
    select: ["LogicalName"],
    expand: [{ property: "Attributes", select: ["LogicalName"] }],
  });
  return found.Attributes.map((row) => row.LogicalName).includes("new_balance");
});
await step("column by common request", () =>
  api.retrieve({
    collection: "EntityDefinitions",
    key: table,
    navigationProperty: "Attributes",
    navigationPropertyKey: "LogicalName='new_accountname'",
    metadataAttributeType: crm("StringAttributeMetadata"),
  }),
);
const relationshipId = await step("create relationship", () =>
  api.createRelationship({
    data: {
      "@odata.type": crm("OneToManyRelationshipMetadata"),
      SchemaName: "new_contact_new_bankaccount",
      ReferencedAttribute: "contactid",
      ReferencedEntity: "contact",
      ReferencingEntity: "new_bankaccount",
      AssociatedMenuConfiguration: { Behavior: "UseCollectionName", Group: "Details", Label: label("Giro"), Order: 10000 },
      CascadeConfiguration: { Assign: "Cascade", Delete: "Cascade", Merge: "Cascade", Reparent: "Cascade", Share: "Cascade", Unshare: "Cascade" },
      Lookup: {
        "@odata.type": crm("LookupAttributeMetadata"),
        AttributeType: "Lookup",
        AttributeTypeName: { Value: "LookupType" },
        SchemaName: "new_Holder",
        DisplayName: label("Holder"),
        RequiredLevel: { Value: "ApplicationRequired" },
      },
    },
  }),
);
await step("relationship", () => api.retrieveRelationship({ key: relationshipId }));
await step("rename relationship", async () => {
  const data = await api.retrieveRelationship({ key: relationshipId, castType: crm("OneToManyRelationshipMetadata") });
  data.AssociatedMenuConfiguration.Label = label("Giros");
  return api.updateRelationship({ data, castType: crm("OneToManyRelationshipMetadata") });
});
await step("relationships of a table", async () => {
  const found = await api.retrieveRelationships({
    castType: crm("OneToManyRelationshipMetadata"),
    select: ["SchemaName", "MetadataId"],
    filter: "ReferencedEntity eq 'account'",
  });
  return found.value.length;
});
await step("polymorphic lookup", () =>
  api.callAction({
    actionName: "CreatePolymorphicLookupAttribute",
    action: {
      OneToManyRelationships: ["account", "lead"].map((name) => ({
        SchemaName: `new_bankaccount_${name}`,
        ReferencedEntity: name,
        ReferencingEntity: "new_bankaccount",
      })),
      Lookup: {
        "@odata.type": crm("ComplexLookupAttributeMetadata"),
        AttributeType: "Lookup",
        AttributeTypeName: { Value: "LookupType" },
        SchemaName: "new_Source",
        DisplayName: label("Source"),
      },
    },
  }),
);
await step("row with a polymorphic lookup", async () => {
  const id = await api.create({
    collection: "new_bankaccounts",
    data: { new_accountname: "Savings", new_balance: 12.5, "new_Source_lead@odata.bind": `leads(${key})` },
  });
  return api.retrieve({ collection: "new_bankaccounts", key: id, select: ["new_balance", "_new_source_value"], includeAnnotations: "*" });
});
await step("delete relationship", () => api.deleteRelationship({ key: relationshipId }));

const option = (Value, text) => ({ Value, Label: label(text) });
const choices = await step("create choices", () =>
  api.createGlobalOptionSet({
    data: {
      "@odata.type": crm("OptionSetMetadata"),
      Name: "new_colours",
      IsGlobal: true,
      OptionSetType: "Picklist",
      DisplayName: label("Colours"),
      Options: [option(0, "Red"), option(1, "Blue")],
    },
  }),
);
await step("choices", () =>
  api.retrieveGlobalOptionSet({ key: "Name='new_colours'", castType: crm("OptionSetMetadata"), select: ["Name", "Options"] }),
);
await step("rename choices", async () => {
  const data = await api.retrieveGlobalOptionSet({ key: choices });
  data.DisplayName.LocalizedLabels[0].Label = "Paints";
  await api.updateGlobalOptionSet({ data });
  return (await api.retrieveGlobalOptionSet({ key: choices })).DisplayName.LocalizedLabels[0].Label;
});
await step("delete choices", () => api.deleteGlobalOptionSet({ key: choices }));

// -- Names of tables in place of sets
const named = new DynamicsWebApi({ ...config, useEntityNames: true });
await step("names of tables", async () => {
  const contact = await named.create({ collection: "contact", data: { lastname: "Named" } });
  const id = await named.create({
    collection: "account",
    data: { name: "Named", "primarycontactid@odata.bind": `contact(${contact})` },
  });
  return named.retrieve({ collection: "account", key: id, select: ["name"], expand: [{ property: "primarycontactid", select: ["lastname"] }] });
});
await step("name of a set", () => named.Utility.getCollectionName("account"));
await step("search is not offered", () => api.search({ query: { search: "Berg" } }));

// -- File columns
await step("create a file column", () =>
  api.createAttribute({
    entityKey: "LogicalName='account'",
    data: { "@odata.type": crm("FileAttributeMetadata"), SchemaName: "new_Contract", DisplayName: label("Contract"), MaxSizeInKB: 20480 },
  }),
);
const content = Buffer.alloc(5 * 1024 * 1024 + 7, "couplet ");
const contract = { collection: "accounts", key: account, property: "new_contract" };
await step("upload in chunks", () => api.uploadFile({ ...contract, fileName: "contract.bin", data: content }));
await step("download in chunks", async () => {
  const file = await api.downloadFile(contract);
  return { name: file.fileName, size: file.fileSize, same: Buffer.compare(Buffer.from(file.data), content) === 0 };
});
await step("delete the file", () => api.deleteRecord(contract));
await step("no file is left", () => api.retrieve({ collection: "accounts", key: account, select: ["new_contract", "new_contract_name"] }));
await step("delete the file column", () =>
  api.deleteRecord({ collection: "EntityDefinitions", key: "LogicalName='account'", navigationProperty: "Attributes", navigationPropertyKey: "LogicalName='new_contract'" }),
);
