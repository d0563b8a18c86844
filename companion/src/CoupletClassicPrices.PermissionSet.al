#if CLASSIC_PRICES
permissionset 50101 "Couplet Classic Prices"
{
    Assignable = true;
    Caption = 'Couplet classic sales prices', Locked = true;
    Permissions =
        tabledata "Sales Price" = RIMD,
        page "Couplet Sales Prices" = X;
}
#endif
