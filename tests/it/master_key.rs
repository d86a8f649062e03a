//! Rotating `MASTER_KEY`: nothing stored is lost, nobody is made twice, and no process goes on under the old key.

use std::{fs, os::unix::fs::PermissionsExt};

use dover_ashby_sync::{
    commands::{database::Database, rotate as command, serve::Server},
    config::{DatabaseArgs, RotateArgs},
    ids::ConnectionId,
    plan::identity::IdentityKey,
    store::{
        MIGRATOR, StoreError, Vault, claim,
        installation::{Rotated, check, rotate},
    },
    worker::until_rotated,
};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{PgPool, migrate::Migrator};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    database::database,
    patience::until_so,
};

/// The master key that the tests' program has.
fn old() -> Vault {
    Vault::new(&[7; 32])
}

fn new() -> Vault {
    Vault::new(&[8; 32])
}

/// The program restarted with the new master key. Answers the test's view of it.
async fn restarted(mut app: TestApp) -> TestApp {
    let mut sync = app.sync();
    sync.vault = claim(&app.database.pool, &new()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let url = app.database.url.clone();
    app.addr = Server::start(sync, &url, TOKEN.into(), listener, stop, false, false)
        .unwrap()
        .addr;
    app
}

/// The program after a rotation of its master key.
pub(crate) async fn under_another(app: TestApp) -> TestApp {
    rotate(&app.database.pool, &old(), &new()).await.unwrap();
    restarted(app).await
}

#[tokio::test]
async fn after_a_rotation_secrets_open_and_people_are_known() {
    let app = TestApp::with_job().await;
    let bearer = json!({ "webhook_bearer_token": "a-token-of-enough-length" });
    app.patch(&format!("/v1/connections/{CONNECTION}"), bearer)
        .await
        .ok();
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;

    let pool = app.database.pool.clone();
    let rotated = rotate(&pool, &old(), &new()).await.unwrap();
    assert_eq!(rotated, Rotated::Resealed(3));
    let again = rotate(&pool, &old(), &new()).await.unwrap();
    assert_eq!(again, Rotated::Already);
    let back = rotate(&pool, &old(), &Vault::new(&[9; 32])).await;
    assert!(matches!(back, Err(StoreError::AnotherMasterKey)));

    let app = restarted(app).await;
    // The signature still holds, and the same person on another job is found by the hashes made before.
    app.register("job_7", "Analyst").await;
    app.says(&Person::new("Ada").on("job_7"), "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.candidates("Ada").await.len(), 1);
    let bearer = app.request(
        reqwest::Method::POST,
        &format!("/webhooks/dover/{CONNECTION}"),
    );
    let bearer = bearer.bearer_auth("a-token-of-enough-length");
    let taken = app.send(bearer.body(r#"{"type":"ping"}"#)).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.body);
}

#[tokio::test]
async fn a_process_that_missed_the_rotation_keeps_nothing_and_ends() {
    let app = TestApp::with_job().await;
    rotate(&app.database.pool, &old(), &new()).await.unwrap();
    let of_acme = format!("/v1/connections/{CONNECTION}");
    // The webhook secret, the bearer token, a connection, an Ashby key: whatever it would seal, nobody could open.
    let rotation = app
        .post(&format!("{of_acme}/webhook-secret/rotate"), json!({}))
        .await;
    let body = json!({ "name": "other", "ashby_api_key": "sim-key" });
    let connection = app.post("/v1/connections", body).await;
    for refused in [rotation, connection] {
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (503, "database-unavailable")
        );
        assert!(refused.body.to_string().contains("MASTER_KEY was rotated"));
    }
    let mut tx = app.database.pool.begin().await.unwrap();
    let id = connection_id(&app.database.pool).await;
    let another = dover_ashby_sync::store::connection::SealedKey::seal(&old(), &"another".into());
    let sealed =
        dover_ashby_sync::store::connection::set_ashby_key(&mut *tx, &old(), id, &another).await;
    assert!(matches!(sealed, Err(StoreError::AnotherMasterKey)));
    drop(tx);

    let (sync, shutdown) = (app.sync(), CancellationToken::new());
    let told = shutdown.clone();
    let work =
        tokio::spawn(
            async move { until_rotated(&sync, &told, told.clone().cancelled_owned()).await },
        );
    until_so("the work ends", async || {
        app.wait(1);
        work.is_finished()
    })
    .await;
    let ended = work.await.unwrap().unwrap_err();
    assert!(shutdown.is_cancelled());
    assert!(ended.to_string().contains("MASTER_KEY"), "{ended}");

    // Restarted with the new one, all is well.
    let app = restarted(app).await;
    let fine = app
        .post(&format!("{of_acme}/webhook-secret/rotate"), json!({}))
        .await;
    assert_eq!(fine.status, StatusCode::OK, "{}", fine.body);
}

async fn connection_id(pool: &PgPool) -> ConnectionId {
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM connection")
        .fetch_one(pool)
        .await
        .unwrap();
    id.into()
}

/// A table that seals something and is not known to the rotation would be lost with the first one.
#[tokio::test]
async fn every_column_of_bytes_is_known_to_the_rotation_or_no_secret() {
    let database = database().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'bytea' AND table_name NOT LIKE '\\_sqlx%' ORDER BY 1",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let sealed = [
        "connection.ashby_key",
        "connection.bearer_token",
        "installation.hash_key",
        "webhook_secret.secret",
    ];
    let open = [
        "access_token.token_hash",
        "ashby_identity.key_hash",
        "ashby_user.email_hash",
        "delivery.body",
        "delivery.body_hash",
        "erased_key.key_hash",
        "exclusion_key.key_hash",
        "field_written.digest",
    ];
    let mut known = [&sealed[..], &open].concat();
    known.sort_unstable();
    assert_eq!(
        columns, known,
        "add it to store::installation::rotate, or here"
    );
}

#[tokio::test]
async fn a_database_of_before_keeps_its_hashes() {
    let database = database().await;
    // Back to before the hash key was kept.
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        sqlx::query(statement)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    let before = MIGRATOR.iter().filter(|migration| migration.version < 11);
    Migrator::with_migrations(before.cloned().collect())
        .run(&database.pool)
        .await
        .unwrap();
    let (id, ada) = (
        ConnectionId::fresh(),
        IdentityKey::Email("ada@example.com".into()),
    );
    let (former, key) = (
        old().identity_hash(id, &ada),
        old().seal("the Ashby API key", "k"),
    );
    sqlx::query(
        "INSERT INTO connection (id, name, ashby_key, created_at, next_flush_at) VALUES ($1, 'acme', $2, now(), now())",
    )
    .bind(id.0)
    .bind(key)
    .execute(&database.pool)
    .await
    .unwrap();
    sqlx::query("INSERT INTO ashby_identity VALUES ($1, $2, 'candidate')")
        .bind(id.0)
        .bind(&former)
        .execute(&database.pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO installation (master_key_fingerprint) VALUES ($1)")
        .bind(old().fingerprint("this installation"))
        .execute(&database.pool)
        .await
        .unwrap();

    MIGRATOR.run(&database.pool).await.unwrap();
    let claimed = claim(&database.pool, &old()).await.unwrap();
    assert_eq!(claimed.identity_hash(id, &ada), former);
    rotate(&database.pool, &old(), &new()).await.unwrap();
    let claimed = claim(&database.pool, &new()).await.unwrap();
    assert_eq!(claimed.identity_hash(id, &ada), former);
    let stored = dover_ashby_sync::store::connection::ashby_access(&database.pool, id)
        .await
        .unwrap();
    stored.key.open(&claimed).unwrap();
    let refused = check(&database.pool, &old()).await;
    assert!(matches!(refused, Err(StoreError::AnotherMasterKey)));
}

#[tokio::test]
async fn beside_an_own_postgres_a_rotation_that_was_cut_off_is_brought_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data_dir = home.path().join("data");
    let args = DatabaseArgs {
        database_url: None,
        data_dir: data_dir.clone(),
    };
    let database = Database::open(&args).await.unwrap();
    let pool = database.pool().unwrap();
    dover_ashby_sync::store::migrate(&pool).await.unwrap();
    let first = database.claimed(&pool, None).await.unwrap();
    let read = |name: &str| fs::read_to_string(data_dir.join(name));
    let before = read("master-key").unwrap();

    let rotation = RotateArgs {
        database: args.clone(),
        master_key: None,
        new_master_key: None,
    };
    command::run(rotation.clone()).await.unwrap();
    let after = read("master-key").unwrap();
    assert_ne!(before, after);
    assert!(read("master-key.next").is_err());
    let second = database.claimed(&pool, None).await.unwrap();
    assert_eq!(first.fingerprint("x"), second.fingerprint("x"));

    // Killed once the database was under the new key, before the file took its place.
    let next = database.next_vault(None).unwrap();
    rotate(&pool, &database.vault(None).unwrap(), &next)
        .await
        .unwrap();
    assert_eq!(read("master-key").unwrap(), after);
    let third = database.claimed(&pool, None).await.unwrap();
    assert_eq!(first.fingerprint("x"), third.fingerprint("x"));
    assert!(read("master-key.next").is_err());

    // Killed before anything was done: the key that was made for it serves the next attempt.
    let _ = database.next_vault(None).unwrap();
    let kept = read("master-key.next").unwrap();
    let _ = database.claimed(&pool, None).await.unwrap();
    command::run(rotation).await.unwrap();
    assert_eq!(read("master-key").unwrap(), kept);
    pool.close().await;
    database.close().await.unwrap();
}
