//! The layer over both databases: the same statements, the same outcomes.

use xiezhi_database::{Database, DatabaseError, MIGRATIONS, Value, fixtures::PostgresServer};

/// Runs `test` on SQLite, and on PostgreSQL where there is one.
macro_rules! on_both {
    ($($name:ident = $test:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let dir = tempfile::tempdir().unwrap();
            $test(&format!("sqlite:{}", dir.path().join("office.db").display())).await;
            if let Some(server) = PostgresServer::start() {
                $test(&server.database("office")).await;
            }
        })*
    };
}

on_both! {
    values_come_back_as_they_went_in = values;
    what_is_not_committed_has_never_been = transactions;
    a_row_that_must_be_unique_is_refused_by_name = uniqueness;
    every_version_leads_to_the_last_and_keeps_what_was_there = migrations;
    a_newer_or_altered_history_is_refused = history;
    two_programs_may_migrate_at_once = at_once;
}

const TABLE: &[&str] = &["CREATE TABLE t (k SEQUENCE, n BIGINT, s TEXT UNIQUE, b BYTES);"];

async fn values(url: &str) {
    let database = Database::open(url).await.unwrap();
    database.migrate(TABLE).await.unwrap();
    let rows: [[Value; 3]; 4] = [
        [Value::from(i64::MIN), "".into(), Vec::new().into()],
        [Value::from(i64::MAX), "獬豸 '; DROP TABLE t; --".into(), vec![0, 255].into()],
        [Value::from(true), "1".into(), vec![1; 100_000].into()],
        [Value::Int(None), Value::Text(None), Value::Bytes(None)],
    ];
    for row in &rows {
        let done =
            database.execute("INSERT INTO t (n, s, b) VALUES ($1, $2, $3)", row.to_vec()).await.unwrap();
        assert_eq!(done, 1);
    }
    let found = database.query("SELECT n, s, b, k FROM t ORDER BY k", Vec::new()).await.unwrap();
    for (at, (row, expected)) in found.iter().zip(&rows).enumerate() {
        assert_eq!(Value::Int(row.optional_int(0).unwrap()), expected[0]);
        assert_eq!(Value::Text(row.optional_text(1).unwrap().map(str::to_owned)), expected[1]);
        assert_eq!(Value::Bytes(row.optional_bytes(2).unwrap().map(<[u8]>::to_vec)), expected[2]);
        assert_eq!(row.int(3).unwrap(), at as i64 + 1);
    }
    assert!(matches!(found[1].int(1), Err(DatabaseError::Column { column: 1, .. })));
    assert!(matches!(found[1].int(4), Err(DatabaseError::Column { column: 4, .. })));
    assert!(matches!(found[3].text(1), Err(DatabaseError::Column { column: 1, .. })));
    let by = database.query("SELECT COUNT(*) FROM t WHERE s = $1", vec!["1".into()]).await.unwrap();
    assert_eq!(by[0].int(0).unwrap(), 1);
}

async fn transactions(url: &str) {
    let database = Database::open(url).await.unwrap();
    database.migrate(TABLE).await.unwrap();
    let count =
        async || database.query("SELECT COUNT(*) FROM t", Vec::new()).await.unwrap()[0].int(0).unwrap();
    let mut open = database.begin().await.unwrap();
    open.execute("INSERT INTO t (s) VALUES ('a')", Vec::new()).await.unwrap();
    assert_eq!(open.query("SELECT COUNT(*) FROM t", Vec::new()).await.unwrap()[0].int(0).unwrap(), 1);
    drop(open);
    assert_eq!(count().await, 0);
    let mut open = database.begin().await.unwrap();
    open.execute("INSERT INTO t (s) VALUES ('a')", Vec::new()).await.unwrap();
    open.commit().await.unwrap();
    assert_eq!(count().await, 1);
    database.close().await;
    let database = Database::open(url).await.unwrap();
    let found = database.query("SELECT s FROM t", Vec::new()).await.unwrap();
    assert_eq!(found[0].text(0).unwrap(), "a");
}

async fn uniqueness(url: &str) {
    let database = Database::open(url).await.unwrap();
    database.migrate(TABLE).await.unwrap();
    let insert = async || database.execute("INSERT INTO t (s) VALUES ('a')", Vec::new()).await;
    insert().await.unwrap();
    assert!(matches!(insert().await, Err(DatabaseError::Exists)));
}

/// What a database of the first version holds in practice.
async fn fill_the_first_version(database: &Database) {
    let application = "INSERT INTO applications (id, person, owner, institution, kind, demonstration, state, nonce, data, submitted_ms) \
        VALUES ('a1', 'p1', 'o1', 'ca', 'person', 0, 'submitted', 'n1', $1, 1)";
    database.execute(application, vec![vec![1, 2, 3].into()]).await.unwrap();
    let event = "INSERT INTO events (application, at_ms, actor, event) VALUES ('a1', 1, 'o1', 'submitted')";
    database.execute(event, Vec::new()).await.unwrap();
}

async fn migrations(url: &str) {
    let database = Database::open(url).await.unwrap();
    database.migrate(&MIGRATIONS[..1]).await.unwrap();
    fill_the_first_version(&database).await;
    for version in 1..=MIGRATIONS.len() {
        database.migrate(&MIGRATIONS[..version]).await.unwrap();
        database.migrate(&MIGRATIONS[..version]).await.unwrap();
        let found = database.query("SELECT id, data FROM applications", Vec::new()).await.unwrap();
        assert_eq!(
            (found.len(), found[0].text(0).unwrap(), found[0].bytes(1).unwrap()),
            (1, "a1", &[1, 2, 3][..])
        );
        let events =
            database.query("SELECT event FROM events WHERE application = 'a1'", Vec::new()).await.unwrap();
        assert_eq!(events[0].text(0).unwrap(), "submitted");
    }
    let applied = database.query("SELECT COUNT(*) FROM migrations", Vec::new()).await.unwrap();
    assert_eq!(applied[0].int(0).unwrap(), MIGRATIONS.len() as i64);
}

async fn history(url: &str) {
    let database = Database::open(url).await.unwrap();
    database.migrate(&["CREATE TABLE a (k SEQUENCE);", "CREATE TABLE b (k SEQUENCE);"]).await.unwrap();
    let newer = database.migrate(&["CREATE TABLE a (k SEQUENCE);"]).await;
    assert!(matches!(newer, Err(DatabaseError::Newer { found: 2, known: 1 })), "{newer:?}");
    let altered = database.migrate(&["CREATE TABLE a (k SEQUENCE);", "CREATE TABLE c (k SEQUENCE);"]).await;
    assert!(matches!(altered, Err(DatabaseError::Altered { version: 2 })), "{altered:?}");
    // One that fails leaves nothing behind.
    let broken = &[
        "CREATE TABLE a (k SEQUENCE);",
        "CREATE TABLE b (k SEQUENCE);",
        "CREATE TABLE d (k SEQUENCE); CREATE TABLE a (k BIGINT);",
    ];
    assert!(matches!(database.migrate(broken).await, Err(DatabaseError::Driver(_))));
    assert!(database.query("SELECT * FROM d", Vec::new()).await.is_err());
}

async fn at_once(url: &str) {
    let (one, two) = (Database::open(url).await.unwrap(), Database::open(url).await.unwrap());
    let (one, two) = tokio::join!(one.migrate(MIGRATIONS), two.migrate(MIGRATIONS));
    one.unwrap();
    two.unwrap();
}

#[tokio::test]
async fn an_address_of_something_else_is_refused_without_its_password() {
    let refused = Database::open("mysql://user:secret@host/name").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "\"mysql\" is no database: an address begins with sqlite: or postgres://"
    );
}
