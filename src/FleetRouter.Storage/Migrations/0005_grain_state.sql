-- State of Orleans' grains, as its provider asks for it (see 0003). The version is what keeps two lives of one grain from overwriting each other.
create table fleetrouter.grain_states (
    id_hash   int    not null,
    id_0      bigint not null,
    id_1      bigint not null,
    id_text   text   not null,
    type_hash int    not null,
    type      text   not null,
    service   text   not null,
    payload   bytea,
    version   int    not null,
    primary key (id_hash, type_hash, id_0, id_1, id_text, type, service)
);

insert into fleetrouter.orleansquery (querykey, querytext) values
('ReadFromStorageKey', '
    select payload as "PayloadBinary", version as "Version" from fleetrouter.grain_states
    where id_hash = @GrainIdHash and type_hash = @GrainTypeHash and id_0 = @GrainIdN0 and id_1 = @GrainIdN1
        and id_text = coalesce(@GrainIdExtensionString, '''') and type = @GrainTypeString and service = @ServiceId'),
('WriteToStorageKey', '
    with changed as (
        update fleetrouter.grain_states set payload = @PayloadBinary, version = version + 1
        where @GrainStateVersion is not null and version = @GrainStateVersion
            and id_hash = @GrainIdHash and type_hash = @GrainTypeHash and id_0 = @GrainIdN0 and id_1 = @GrainIdN1
            and id_text = coalesce(@GrainIdExtensionString, '''') and type = @GrainTypeString and service = @ServiceId
        returning version),
    new as (
        insert into fleetrouter.grain_states (id_hash, id_0, id_1, id_text, type_hash, type, service, payload, version)
        select @GrainIdHash, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString, ''''), @GrainTypeHash, @GrainTypeString, @ServiceId, @PayloadBinary, 1
        where @GrainStateVersion is null
        on conflict do nothing
        returning version)
    select coalesce((select version from changed), (select version from new), @GrainStateVersion) as "NewGrainStateVersion"'),
('ClearStorageKey', '
    update fleetrouter.grain_states set payload = null, version = version + 1
    where version = @GrainStateVersion and id_hash = @GrainIdHash and type_hash = @GrainTypeHash and id_0 = @GrainIdN0 and id_1 = @GrainIdN1
        and id_text = coalesce(@GrainIdExtensionString, '''') and type = @GrainTypeString and service = @ServiceId
    returning version as "NewGrainStateVersion"');
