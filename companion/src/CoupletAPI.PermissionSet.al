permissionset 50100 "Couplet API"
{
    Assignable = true;
    Caption = 'Couplet API pages', Locked = true;
    Permissions =
        tabledata Resource = RIMD,
        tabledata "Customer Price Group" = RIMD,
        tabledata "Price List Header" = RIMD,
        tabledata "Price List Line" = RIMD,
        tabledata "Shipping Agent" = RIMD,
        tabledata "Item Unit of Measure" = RIMD,
        tabledata "Resource Unit of Measure" = RIMD,
        tabledata "Sales & Receivables Setup" = RM,
        tabledata Customer = RM,
        tabledata "Sales Header" = RM,
        tabledata "Sales Line" = RM,
        codeunit "Release Sales Document" = X,
        page "Couplet Resources" = X,
        page "Couplet Customer Price Groups" = X,
        page "Couplet Price Lists" = X,
        page "Couplet Price List Lines" = X,
        page "Couplet Shipping Agents" = X,
        page "Couplet Item Units" = X,
        page "Couplet Resource Units" = X,
        page "Couplet Sales Setup" = X,
        page "Couplet Customer Extras" = X,
        page "Couplet Sales Order Extras" = X;
}
