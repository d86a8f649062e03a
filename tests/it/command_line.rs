//! `flush` at the command line: the real command over the database and the Ashby of a test.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    doctor::{MASTER_KEY, Said, said, to_the_present},
};

const MOVE: &str = "application.changeStage";

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

/// What it complained of; it has to have gone wrong. Without the log.
async fn refused(app: &TestApp, arguments: &[&str]) -> String {
    let said = flush_at(app, arguments).await;
    assert_ne!(said.code, 0, "{}", said.out);
    let lines = said.err.lines();
    let complaint = lines.skip_while(|line| !line.starts_with("error: "));
    complaint.collect::<Vec<_>>().join("\n")
}

/// The latest flush.
async fn latest(app: &TestApp) -> Value {
    let path = format!("/v1/connections/{CONNECTION}/flushes?limit=1");
    app.get(&path).await.ok()["items"][0].clone()
}

fn id(flush: &Value) -> &str {
    flush["id"].as_str().unwrap()
}

/// Ada at *New Lead*, and Dover says that she has replied.
async fn with_news_of_ada() -> (TestApp, Person) {
    let app = TestApp::with_job().await;
    to_the_present(&app);
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.says(&ada, "replied").await;
    (app, ada)
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

#[tokio::test]
async fn a_preview_shows_what_the_door_shows_in_each_form_and_writes_nothing() {
    let (app, _) = with_news_of_ada().await;
    let before = app.mark().await;
    let shown = printed(&app, &["--preview", "--format", "json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let at_the_door = app.preview().await;
    assert_eq!(shown["counts"], at_the_door["counts"]);
    assert_eq!(shown["items"][0]["action"], "move", "{shown}");
    assert_eq!(
        shown["items"][0]["reason"],
        at_the_door["items"][0]["reason"]
    );

    let csv = printed(&app, &["--preview", "--format", "csv"]).await;
    let path = format!("/v1/connections/{CONNECTION}/flushes/preview?format=csv");
    assert_eq!(csv, app.get(&path).await.ok().as_str().unwrap());

    let table = printed(&app, &["--preview"]).await;
    assert!(
        table.starts_with("acme: 1 prospects: 0 created, 1 moved"),
        "{table}"
    );
    for word in ["Ada", "move", "New Lead", "Replied"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    assert_eq!(
        table,
        printed(&app, &["--preview", "--format", "table"]).await
    );
    assert!(app.writes_since(before).await.is_empty());
}

#[tokio::test]
async fn a_form_that_would_mix_connections_asks_for_one() {
    let (app, _) = with_news_of_ada().await;
    let other = json!({ "name": "other", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", other).await.ok();
    for format in ["json", "csv"] {
        let complaint = refused(&app, &["--preview", "--format", format]).await;
        for word in ["--connection", "acme", "other"] {
            assert!(complaint.contains(word), "{complaint}");
        }
        let one = ["--preview", "--format", format, "--connection", CONNECTION];
        assert!(printed(&app, &one).await.contains("Ada"));
    }
    let both = printed(&app, &["--preview"]).await;
    assert!(
        both.contains("acme: 1 prospects") && both.contains("other: 0 prospects"),
        "{both}"
    );
}

/// Three at *Replied* whom Dover has rejected, and a limit of two archives. Answers the flush that the brake stopped.
async fn stopped() -> (TestApp, Vec<Person>, Value, String) {
    let app = TestApp::with_job().await;
    to_the_present(&app);
    let path = format!("/v1/connections/{CONNECTION}/settings");
    let set = app
        .request(reqwest::Method::PATCH, &path)
        .bearer_auth(TOKEN);
    app.send(set.json(&json!({ "brake.max_archives": 2 })))
        .await
        .ok();
    let people: Vec<Person> = ["Ada", "Grace", "Linus"].map(Person::new).to_vec();
    for person in &people {
        app.says(person, "replied").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    for person in &people {
        app.says_status(person, "rejected").await;
    }
    let preview = printed(&app, &["--preview"]).await;
    let would = "The brake would stop Staff Engineer (job_42): 3 to archive, 0 to move, 0 to create; brake.max_archives is 2.";
    assert!(preview.contains(would), "{preview}");
    let told = printed(&app, &[]).await;
    let flush = latest(&app).await;
    (app, people, flush, told)
}

#[tokio::test]
async fn what_the_brake_holds_is_approved_with_the_command_that_it_names() {
    let (app, _, flush, told) = stopped().await;
    let flush = id(&flush);
    for form in ["--approve", "--refuse"] {
        assert!(told.contains(&format!("`flush {form} {flush}`")), "{told}");
    }
    let complaint = refused(&app, &["--approve", flush, "--job", "job_7"]).await;
    assert!(
        complaint.contains("`brake` of the flush lists the jobs"),
        "{complaint}"
    );
    let answered = "acme: Staff Engineer (job_42) is approved\n";
    let before = app.mark().await;
    for _ in 0..2 {
        let arguments = ["--approve", flush, "--job", "job_42"];
        assert_eq!(printed(&app, &arguments).await, answered);
    }
    let complaint = refused(&app, &["--refuse", flush]).await;
    assert!(
        complaint.contains("is approved already") && complaint.contains("resync"),
        "{complaint}"
    );
    assert!(
        app.writes_since(before).await.is_empty(),
        "the next flush does it"
    );
    assert!(printed(&app, &[]).await.contains("3 archived"));
    assert_eq!(app.writes_since(before).await, [MOVE; 3]);
}

#[tokio::test]
async fn what_the_brake_holds_is_refused_also_while_the_connection_is_paused() {
    let (app, people, flush, _) = stopped().await;
    let pause = format!("/v1/connections/{CONNECTION}/pause");
    app.post(&pause, json!({})).await.ok();
    let told = printed(&app, &["--refuse", id(&flush)]).await;
    assert_eq!(told, "acme: Staff Engineer (job_42) is refused\n");
    let resume = format!("/v1/connections/{CONNECTION}/resume");
    app.post(&resume, json!({})).await.ok();
    let before = app.mark().await;
    printed(&app, &[]).await;
    assert!(app.writes_since(before).await.is_empty());
    for person in &people {
        assert_eq!(app.reason(&person.id).await, "refused-by-admin");
    }
}

#[tokio::test]
async fn a_flush_is_undone_after_a_look_at_what_that_would_do() {
    let (app, ada) = with_news_of_ada().await;
    printed(&app, &[]).await;
    let flush = latest(&app).await;
    let flush = id(&flush);
    let before = app.mark().await;
    let table = printed(&app, &["--undo", flush, "--preview"]).await;
    assert!(
        table.starts_with(&format!("acme: what an undo of {flush} would do\n")),
        "{table}"
    );
    let csv = printed(&app, &["--undo", flush, "--preview", "--format", "csv"]).await;
    assert!(csv.lines().count() == 2 && csv.contains("Ada"), "{csv}");
    let shown = printed(&app, &["--undo", flush, "--preview", "--format", "json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["reason"]["code"], "undone", "{shown}");
    assert!(app.writes_since(before).await.is_empty());

    assert!(printed(&app, &["--undo", flush]).await.contains("1 moved"));
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    assert_eq!(app.reason(&ada.id).await, "undone");
    let undo = latest(&app).await;
    assert_eq!(
        (&undo["trigger"], &undo["undoes"]),
        (&json!("undo"), &json!(flush))
    );
    let complaint = refused(&app, &["--undo", id(&undo)]).await;
    assert!(complaint.contains("newer news from Dover"), "{complaint}");
}

#[tokio::test]
async fn each_complaint_says_what_to_do_next() {
    let (app, _) = with_news_of_ada().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (arguments, words) in [
        (
            &["--connection", "nobody"][..],
            &["no connection named nobody; there are: acme"][..],
        ),
        (&["--approve", nobody], &["no flush", nobody, "/flushes"]),
        (&["--undo", nobody, "--preview"], &["no flush", "/flushes"]),
        (&["--undo", "yesterday"], &["--undo", "yesterday"]),
        (&["--job", "job_42"], &["--approve", "--refuse"]),
        (&["--format", "csv"], &["--preview"]),
        (
            &["--approve", nobody, "--preview"],
            &["cannot be used with"],
        ),
    ] {
        let complaint = refused(&app, arguments).await;
        for word in words {
            assert!(complaint.contains(word), "{arguments:?}: {complaint}");
        }
    }
    let pause = format!("/v1/connections/{CONNECTION}/pause");
    app.post(&pause, json!({})).await.ok();
    for arguments in [&[][..], &["--preview"]] {
        let complaint = refused(&app, arguments).await;
        assert!(
            complaint.contains("acme is paused: resume it"),
            "{complaint}"
        );
    }
    let resume = format!("/v1/connections/{CONNECTION}/resume");
    app.post(&resume, json!({})).await.ok();
    app.sim_as(
        reqwest::Method::PATCH,
        &format!("api-keys/{}", crate::app::ASHBY_KEY),
        Some(json!({ "revoked": true })),
    )
    .await;
    let first = refused(&app, &["--preview"]).await;
    assert!(
        first.contains("Mend the key, then check the connection"),
        "{first}"
    );
    refused(&app, &[]).await;
    let then = refused(&app, &[]).await;
    assert!(
        then.contains("acme needs attention") && then.contains("`doctor`"),
        "{then}"
    );
}
