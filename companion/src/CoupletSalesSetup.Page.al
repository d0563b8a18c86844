page 50107 "Couplet Sales Setup"
{
    PageType = API;
    Caption = 'Couplet Sales Setup', Locked = true;
    APIPublisher = 'couplet';
    APIGroup = 'integration';
    APIVersion = 'v1.0';
    EntityName = 'salesReceivablesSetup';
    EntitySetName = 'salesReceivablesSetups';
    SourceTable = "Sales & Receivables Setup";
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    InsertAllowed = false;
    DeleteAllowed = false;

    layout
    {
        area(Content)
        {
            repeater(Records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id', Locked = true;
                    Editable = false;
                }
                field(customerNumberSeries; Rec."Customer Nos.")
                {
                    Caption = 'Customer number series', Locked = true;
                }
                field(quoteNumberSeries; Rec."Quote Nos.")
                {
                    Caption = 'Quote number series', Locked = true;
                }
                field(orderNumberSeries; Rec."Order Nos.")
                {
                    Caption = 'Order number series', Locked = true;
                }
                field(archiveQuotes; Rec."Archive Quotes")
                {
                    Caption = 'Archive quotes', Locked = true;
                }
                field(archiveOrders; Rec."Archive Orders")
                {
                    Caption = 'Archive orders', Locked = true;
                }
                field(writeInProductType; Rec."Write-in Product Type")
                {
                    Caption = 'Write in product type', Locked = true;
                }
                field(writeInProductNumber; Rec."Write-in Product No.")
                {
                    Caption = 'Write in product number', Locked = true;
                }
                field(freightAccountNumber; Rec."Freight G/L Acc. No.")
                {
                    Caption = 'Freight account number', Locked = true;
                }
                field(extDocNoMandatory; Rec."Ext. Doc. No. Mandatory")
                {
                    Caption = 'Ext doc no mandatory', Locked = true;
                }
                field(allowEditingActivePrice; Rec."Allow Editing Active Price")
                {
                    Caption = 'Allow editing active price', Locked = true;
                }
                field(defaultPriceListCode; Rec."Default Price List Code")
                {
                    Caption = 'Default price list code', Locked = true;
                }
                field(systemCreatedAt; Rec.SystemCreatedAt)
                {
                    Caption = 'System created at', Locked = true;
                    Editable = false;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
                field(systemRowVersion; Rec.SystemRowVersion)
                {
                    Caption = 'System row version', Locked = true;
                    Editable = false;
                }
            }
        }
    }
}
