page 50100 "Couplet Resources"
{
    PageType = API;
    Caption = 'Couplet Resources', Locked = true;
    APIPublisher = 'couplet';
    APIGroup = 'integration';
    APIVersion = 'v1.0';
    EntityName = 'resource';
    EntitySetName = 'resources';
    SourceTable = Resource;
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;

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
                field(number; Rec."No.")
                {
                    Caption = 'Number', Locked = true;
                }
                field(type; Rec.Type)
                {
                    Caption = 'Type', Locked = true;
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'Display name', Locked = true;
                }
                field(displayName2; Rec."Name 2")
                {
                    Caption = 'Display name2', Locked = true;
                }
                field(resourceGroupNumber; Rec."Resource Group No.")
                {
                    Caption = 'Resource group number', Locked = true;
                }
                field(baseUnitOfMeasureCode; BaseUnitCode)
                {
                    Caption = 'Base unit of measure code', Locked = true;

                    trigger OnValidate()
                    begin
                        BaseUnitSent := true;
                    end;
                }
                field(directUnitCost; Rec."Direct Unit Cost")
                {
                    Caption = 'Direct unit cost', Locked = true;
                }
                field(unitCost; Rec."Unit Cost")
                {
                    Caption = 'Unit cost', Locked = true;
                }
                field(unitPrice; Rec."Unit Price")
                {
                    Caption = 'Unit price', Locked = true;
                }
                field(generalProductPostingGroupCode; Rec."Gen. Prod. Posting Group")
                {
                    Caption = 'General product posting group code', Locked = true;
                }
                field(vatProductPostingGroupCode; Rec."VAT Prod. Posting Group")
                {
                    Caption = 'Vat product posting group code', Locked = true;
                }
                field(blocked; Rec.Blocked)
                {
                    Caption = 'Blocked', Locked = true;
                }
                field(privacyBlocked; Rec."Privacy Blocked")
                {
                    Caption = 'Privacy blocked', Locked = true;
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

    trigger OnAfterGetRecord()
    begin
        BaseUnitCode := Rec."Base Unit of Measure";
    end;

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        // The unit becomes one of the resource's own units, so the resource needs its number first.
        Rec.Insert(true);
        ApplyBaseUnit();
        exit(false);
    end;

    trigger OnModifyRecord(): Boolean
    begin
        if not BaseUnitSent then
            exit(true);
        Rec.Validate("Base Unit of Measure", BaseUnitCode);
        exit(true);
    end;

    trigger OnNewRecord(BelowxRec: Boolean)
    begin
        Clear(BaseUnitCode);
        Clear(BaseUnitSent);
    end;

    var
        BaseUnitCode: Code[10];
        BaseUnitSent: Boolean;

    local procedure ApplyBaseUnit()
    begin
        if not BaseUnitSent then
            exit;
        Rec.Validate("Base Unit of Measure", BaseUnitCode);
        Rec.Modify(true);
    end;
}
