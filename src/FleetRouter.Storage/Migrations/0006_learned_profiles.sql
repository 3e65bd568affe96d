-- What pools have learned of their models and engines, as LearnedProfile in JSON.
create table fleetrouter.learned_profiles (
    pool       text        primary key,
    profile    jsonb       not null,
    written_at timestamptz not null
);
