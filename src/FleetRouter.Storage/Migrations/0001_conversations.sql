-- Answers of /v1/responses. Bytes as they came and went: jsonb would reorder them, and refuse what JSON allows.
create table fleetrouter.responses (
    id          text        primary key,
    previous_id text,
    owner       text        not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    input       bytea       not null,
    body        bytea       not null
);
create index responses_expires_at on fleetrouter.responses (expires_at);

-- The instance that a session's last turn ran on. Sessions are known by the SHA-256 of their id, which clients may make as long as they like.
create table fleetrouter.session_homes (
    pool       text        not null,
    session    bytea       not null,
    instance   text        not null,
    settled_at timestamptz not null,
    primary key (pool, session)
);
create index session_homes_settled_at on fleetrouter.session_homes (settled_at);
