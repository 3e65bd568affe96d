-- Who held the provisioner's role, and when, by the server's clock: from when at the earliest, and until when at the latest, its holder believed in it.
create table fleetrouter.provisioner_turns (
    turn       uuid        primary key,
    holder     text        not null,
    taken_at   timestamptz not null,
    held_until timestamptz not null
);
