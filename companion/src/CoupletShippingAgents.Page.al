page 50104 "Couplet Shipping Agents"
{
    PageType = API;
    Caption = 'Couplet Shipping Agents', Locked = true;
    APIPublisher = 'couplet';
    APIGroup = 'integration';
    APIVersion = 'v1.0';
    EntityName = 'shippingAgent';
    EntitySetName = 'shippingAgents';
    SourceTable = "Shipping Agent";
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
                field(code; Rec.Code)
                {
                    Caption = 'Code', Locked = true;
                }
                field(displayName; Rec.Name)
                {
                    Caption = 'Display name', Locked = true;
                }
                field(internetAddress; Rec."Internet Address")
                {
                    Caption = 'Internet address', Locked = true;
                }
                field(accountNumber; Rec."Account No.")
                {
                    Caption = 'Account number', Locked = true;
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

    trigger OnModifyRecord(): Boolean
    var
        StoredAgent: Record "Shipping Agent";
    begin
        StoredAgent.GetBySystemId(Rec.SystemId);
        if StoredAgent.Code = Rec.Code then
            exit(true);
        // A new code is a rename, which carries every reference along.
        StoredAgent.TransferFields(Rec, false);
        StoredAgent.Modify(true);
        StoredAgent.Rename(Rec.Code);
        Rec.GetBySystemId(StoredAgent.SystemId);
        exit(false);
    end;
}
