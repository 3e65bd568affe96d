-- What pools decide: the lines that a journal's file would have, many of them in a row.
create table fleetrouter.journal_runs (
    run      text        primary key,
    pool     text        not null,
    began_at timestamptz not null,
    header   bytea       not null
);
create table fleetrouter.journal_pieces (
    run        text        not null references fleetrouter.journal_runs on delete cascade,
    first_line bigint      not null,
    written_at timestamptz not null,
    lines      bytea       not null,
    primary key (run, first_line)
);
create index journal_pieces_written_at on fleetrouter.journal_pieces (written_at);
