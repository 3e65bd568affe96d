-- Members of an Orleans cluster. The provider asks nothing but what stands in OrleansQuery: keys, parameters and names of columns are its contract.
create table fleetrouter.orleansquery (
    querykey  text primary key,
    querytext text not null
);

-- Every change of the members counts the version on, so that of two at once one fails.
create table fleetrouter.member_versions (
    cluster text primary key,
    version int  not null default 0
);
create table fleetrouter.members (
    cluster       text        not null references fleetrouter.member_versions,
    address       text        not null,
    port          int         not null,
    generation    int         not null,
    silo_name     text        not null,
    host_name     text        not null,
    status        int         not null,
    proxy_port    int,
    suspect_times text,
    started_at    timestamptz not null,
    alive_at      timestamptz not null,
    primary key (cluster, address, port, generation)
);

insert into fleetrouter.orleansquery (querykey, querytext) values
('InsertMembershipVersionKey', '
    with new as (insert into fleetrouter.member_versions (cluster) values (@DeploymentId) on conflict do nothing returning 1)
    select count(*)::int from new'),
('InsertMembershipKey', '
    with counted as (
        update fleetrouter.member_versions set version = version + 1
        where cluster = @DeploymentId and version = @Version
            and not exists (select 1 from fleetrouter.members where cluster = @DeploymentId and address = @Address and port = @Port and generation = @Generation)
        returning 1),
    new as (
        insert into fleetrouter.members (cluster, address, port, generation, silo_name, host_name, status, proxy_port, started_at, alive_at)
        select @DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime from counted
        returning 1)
    select count(*)::int from new'),
('UpdateMembershipKey', '
    with counted as (
        update fleetrouter.member_versions set version = version + 1 where cluster = @DeploymentId and version = @Version returning 1),
    changed as (
        update fleetrouter.members set status = @Status, suspect_times = @SuspectTimes, alive_at = @IAmAliveTime from counted
        where cluster = @DeploymentId and address = @Address and port = @Port and generation = @Generation
        returning 1)
    select count(*)::int from changed'),
('UpdateIAmAlivetimeKey', '
    update fleetrouter.members set alive_at = @IAmAliveTime
    where cluster = @DeploymentId and address = @Address and port = @Port and generation = @Generation'),
('MembershipReadRowKey', '
    select v.cluster as "DeploymentId", m.address as "Address", m.port as "Port", m.generation as "Generation", m.silo_name as "SiloName",
        m.host_name as "HostName", m.status as "Status", m.proxy_port as "ProxyPort", m.suspect_times as "SuspectTimes", m.started_at as "StartTime",
        m.alive_at as "IAmAliveTime", v.version as "Version"
    from fleetrouter.member_versions v
    left join fleetrouter.members m on m.cluster = v.cluster and m.address = @Address and m.port = @Port and m.generation = @Generation
    where v.cluster = @DeploymentId'),
('MembershipReadAllKey', '
    select v.cluster as "DeploymentId", m.address as "Address", m.port as "Port", m.generation as "Generation", m.silo_name as "SiloName",
        m.host_name as "HostName", m.status as "Status", m.proxy_port as "ProxyPort", m.suspect_times as "SuspectTimes", m.started_at as "StartTime",
        m.alive_at as "IAmAliveTime", v.version as "Version"
    from fleetrouter.member_versions v left join fleetrouter.members m on m.cluster = v.cluster
    where v.cluster = @DeploymentId'),
('DeleteMembershipTableEntriesKey', '
    with gone as (delete from fleetrouter.members where cluster = @DeploymentId)
    delete from fleetrouter.member_versions where cluster = @DeploymentId'),
('GatewaysQueryKey', '
    select address as "Address", proxy_port as "ProxyPort", generation as "Generation" from fleetrouter.members
    where cluster = @DeploymentId and status = @Status and proxy_port > 0'),
('CleanupDefunctSiloEntriesKey', '
    delete from fleetrouter.members where cluster = @DeploymentId and alive_at < @IAmAliveTime and status <> 3');
