// Runs dynamics-web-api against a sandbox and prints one JSON line per step: {"step", "ok", "value" | "error"}.
// Usage: node run.mjs <origin> <token>   (NODE_EXTRA_CA_CERTS names the sandbox's CA file)
import { DynamicsWebApi } from "dynamics-web-api";
import { step } from "./step.mjs";

const [origin, token] = process.argv.slice(2);
const api = new DynamicsWebApi({ serverUrl: origin, dataApi: { version: "9.2" }, onTokenRefresh: async () => token });

const accounts = "accounts";
const key = await step("create", () => api.create({ collection: accounts, data: { name: "Contoso", creditlimit: 5 } }));
await step("create with representation", () =>
  api.create({ collection: accounts, data: { name: "Shown" }, returnRepresentation: true, select: ["name"] }),
);
await step("retrieve annotated", () =>
  api.retrieve({ collection: accounts, key, select: ["name", "creditlimit"], includeAnnotations: "*" }),
);
await step("update", () => api.update({ collection: accounts, key, data: { name: "Renamed" } }));
await step("update with stale etag", () =>
  api.update({ collection: accounts, key, data: { name: "Never" }, ifmatch: 'W/"1"' }),
);
await step("update with representation", () =>
  api.update({ collection: accounts, key, data: { name: "Again" }, returnRepresentation: true, select: ["name"] }),
);
await step("update single property", () =>
  api.updateSingleProperty({ collection: accounts, key, fieldValuePair: { telephone1: "99" } }),
);
const chosen = "00000000-0000-4000-8000-0000000000aa";
await step("upsert creates", () => api.upsert({ collection: accounts, key: chosen, data: { name: "Upserted" } }));
await step("upsert that must create", () =>
  api.upsert({ collection: accounts, key: chosen, data: { name: "No" }, ifnonematch: "*" }),
);
await step("retrieve multiple", () =>
  api.retrieveMultiple({ collection: accounts, select: ["name"], filter: "name ne null", count: true, maxPageSize: 2 }),
);
await step("retrieve all pages", async () => {
  const all = await api.retrieveAll({ collection: accounts, select: ["name"], maxPageSize: 2 });
  return all.value.length;
});
await step("count", () => api.count({ collection: accounts }));
await step("count filtered", () => api.count({ collection: accounts, filter: "contains(name,'Again')" }));
const tracked = await step("track changes", () =>
  api.retrieveMultiple({ collection: accounts, select: ["name"], trackChanges: true }),
);
await api.update({ collection: accounts, key, data: { name: "Tracked" } });
await step("delta", () =>
  api.retrieveMultiple({ collection: accounts, select: ["name"] }, tracked["@odata.deltaLink"]),
);

const contact = await step("create contact", () => api.create({ collection: "contacts", data: { lastname: "Ng" } }));
const link = { collection: accounts, primaryKey: key, relationshipName: "contact_customer_accounts", relatedKey: contact };
await step("associate", () => api.associate({ ...link, relatedCollection: "contacts" }));
await step("disassociate", () => api.disassociate(link));
const single = { collection: accounts, primaryKey: key, navigationProperty: "primarycontactid" };
await step("associate single", () =>
  api.associateSingleValued({ ...single, relatedCollection: "contacts", relatedKey: contact }),
);
await step("expand", () =>
  api.retrieve({
    collection: accounts,
    key,
    select: ["name"],
    expand: [{ property: "primarycontactid", select: ["lastname"] }],
  }),
);
await step("disassociate single", () => api.disassociateSingleValued(single));
await step("deep insert", () =>
  api.create({
    collection: accounts,
    data: { name: "Deep", primarycontactid: { lastname: "Nested" } },
    returnRepresentation: true,
    select: ["name", "_primarycontactid_value"],
  }),
);

await step("upsert by alternate key", () =>
  api.upsert({ collection: accounts, key: "accountnumber='N-1'", data: { name: "By key" }, returnRepresentation: true }),
);
await step("retrieve by alternate key", () =>
  api.retrieve({ collection: accounts, key: "accountnumber='N-1'", select: ["name"] }),
);

await step("function", () => api.callFunction({ name: "WhoAmI" }));
await step("function with parameters", () =>
  api.callFunction({ name: "RetrieveTotalRecordCount", parameters: { EntityNames: ["account", "contact"] } }),
);
await step("action", () => api.callAction({ actionName: "PublishAllXml" }));
await step("bound action", () =>
  api.callAction({
    collection: accounts,
    actionName: "Microsoft.Dynamics.CRM.CreateMultiple",
    action: { Targets: [{ "@odata.type": "Microsoft.Dynamics.CRM.account", name: "Bulk" }] },
  }),
);

await step("batch with change set", () => {
  api.startBatch();
  api.create({ collection: accounts, data: { name: "In set" }, contentId: "1" });
  api.create({
    collection: "contacts",
    data: { lastname: "In set", "parentcustomerid_account@odata.bind": "$1" },
    contentId: "2",
  });
  return api.executeBatch();
});
await step("batch of reads", () => {
  api.startBatch();
  api.retrieveMultiple({ collection: accounts, select: ["name"], top: 2 });
  api.retrieve({ collection: accounts, key, select: ["name"] });
  return api.executeBatch();
});
await step("batch without change set", () => {
  api.startBatch();
  api.create({ collection: accounts, data: { name: "Alone" }, inChangeSet: false });
  api.update({ collection: accounts, key, data: { name: "Alone too" }, inChangeSet: false });
  return api.executeBatch();
});
await step("batch that goes on", () => {
  api.startBatch();
  api.create({ collection: accounts, data: { nope: 1 }, inChangeSet: false });
  api.create({ collection: accounts, data: { name: "After" }, inChangeSet: false });
  return api.executeBatch({ continueOnError: true });
});

const account = "LogicalName='account'";
await step("entity definitions", () =>
  api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: "LogicalName eq 'account'" }),
);
await step("entity definition", () =>
  api.retrieveEntity({ key: account, select: ["LogicalName", "ChangeTrackingEnabled"] }),
);
await step("attributes", () =>
  api.retrieveAttributes({ entityKey: account, select: ["LogicalName"], filter: "LogicalName eq 'name'" }),
);
await step("attributes of a type", async () => {
  const found = await api.retrieveAttributes({
    entityKey: account,
    castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
    select: ["LogicalName"],
    expand: [{ property: "OptionSet" }],
  });
  return found.value.find((item) => item.LogicalName === "customertypecode").OptionSet.Options.length;
});
await step("attribute", () => api.retrieveAttribute({ entityKey: account, attributeKey: "LogicalName='name'" }));
await step("relationships", () =>
  api.retrieveRelationships({
    castType: "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
    select: ["SchemaName", "ReferencedEntity"],
    filter: "SchemaName eq 'order_details'",
  }),
);
await step("global option sets", async () => (await api.retrieveGlobalOptionSets({ select: ["Name"] })).value.length);
await step("csdl", async () => (await api.retrieveCsdlMetadata()).length);

await step("fetch is not offered", () =>
  api.fetch({ collection: accounts, fetchXml: '<fetch top="1"><entity name="account"/></fetch>' }),
);
await step("delete property", () => api.deleteRecord({ collection: accounts, key, fieldName: "telephone1" }));
await step("delete with stale etag", () => api.deleteRecord({ collection: accounts, key, ifmatch: 'W/"1"' }));
await step("delete", () => api.deleteRecord({ collection: accounts, key }));
await step("retrieve deleted", () => api.retrieve({ collection: accounts, key }));
