//! Migrations are applied once, however many processes start.

use dover_ashby_sync::store;
use futures::future::join_all;
use sqlx::Executor;

use crate::database::database;

#[tokio::test]
async fn several_that_start_at_once_on_an_empty_database_all_get_through() {
    let database = database().await;
    let nothing = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    database.pool.execute(nothing).await.unwrap();
    let started = join_all((0..3).map(|_| store::migrate(&database.pool))).await;
    assert!(started.iter().all(Result::is_ok), "{started:?}");
    assert!(store::is_ready(&database.pool).await.unwrap());
}
