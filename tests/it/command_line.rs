//! `flush` at the command line: the real command over the database and the Ashby of a test.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    app::{CONNECTION, Person, TestApp},
    doctor::{MASTER_KEY, Said, said, to_the_present},
};

async fn flush_at(app: &TestApp, arguments: &[&str]) -> Said {
    to_the_present(app);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dover-ashby-sync"));
    command.arg("flush").args(arguments).env_clear();
    command.env("DATABASE_URL", &app.database.url);
    command.env("MASTER_KEY", MASTER_KEY);
    command.env("ASHBY_BASE_URL", app.ashby_url().as_str());
    said(command).await
}

/// What it printed; it has to have gone well.
async fn printed(app: &TestApp, arguments: &[&str]) -> String {
    let said = flush_at(app, arguments).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out
}

/// The latest flush.
async fn latest(app: &TestApp) -> Value {
    let path = format!("/v1/connections/{CONNECTION}/flushes?limit=1");
    app.get(&path).await.ok()["items"][0].clone()
}

#[tokio::test]
async fn a_flush_knows_the_people_whom_the_server_learnt_of() {
    let app = TestApp::with_job().await;
    app.register("job_7", "Analyst").await;
    to_the_present(&app);
    app.says(&Person::new("Ada"), "replied").await;
    app.flush_to_rest().await;
    let before = app.mark().await;
    app.says(&Person::new("Ada").on("job_7"), "replied").await;
    let told = printed(&app, &[]).await;
    assert_eq!(
        told,
        "acme: done - 1 prospects: 1 created, 0 moved, 0 archived, 0 unchanged, 0 skipped, 0 parked, 0 not through\n"
    );
    assert_eq!(app.writes_since(before).await, ["application.create"]);
    assert_eq!(app.candidates("Ada").await.len(), 1);
    assert_eq!(latest(&app).await["trigger"], "manual");
}
