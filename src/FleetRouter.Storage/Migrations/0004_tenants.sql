-- What tenants' accounts have granted to gateways in the window that runs, as TenantAccount in JSON.
create table fleetrouter.tenant_accounts (
    tenant     text        primary key,
    account    jsonb       not null,
    written_at timestamptz not null
);
