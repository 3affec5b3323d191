# shellcheck shell=bash
# Sourced by the image of PostgreSQL when it makes the database: the role of services that only read. CityTrack's other
# services grant it what it may read.
psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
\getenv password POSTGRES_READER_PASSWORD
create role citytrack_reader login password :'password';
alter role citytrack_reader set default_transaction_read_only = on;
SQL
