//! Each note once, whatever befalls the calls that write it and look for it, and wherever the program is killed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dover_ashby_sync::{ashby::http_client, clock::ManualClock};
use serde_json::{Value, json};

use super::activity;
use crate::{
    app::{Person, TestApp, told_by},
    faults::ordered,
    operator,
    patience::until_so,
};

const WRITES: &str = "candidate.createNote";
const LOOKS: &str = "candidate.listNotes";

async fn befalls(app: &TestApp, endpoint: &str, order: &Value, times: u32) {
    let mut order = order.clone();
    order["endpoint"] = json!(endpoint);
    order["times"] = json!(times);
    app.sim("faults", order).await;
}

/// Flushes until nothing waits, and sees to what somebody in charge would see to.
async fn recover(app: &TestApp, what: &str) {
    app.flush().await;
    app.sim_as(reqwest::Method::DELETE, "faults", None).await;
    for _ in 0..5 {
        app.wait(15);
        operator::see_to_the_connection(app).await.expect(what);
        operator::try_the_refused_again(app).await;
        let flush = app.flush().await;
        let queue = app.get("/health").await.ok()["queue"].clone();
        let rests = (&queue["pending"], &queue["parked"]) == (&json!(0), &json!(0));
        if rests && flush["ashby_calls"]["write"] == 0 {
            break;
        }
    }
    assert!(
        app.flush_to_rest().await.is_empty(),
        "{what}: it does not come to rest"
    );
    let health = app.get("/health").await.ok();
    assert_eq!(health["queue"]["parked"], 0, "{what}: {health}");
}

/// Each of two activities, and the move that came with them, has its one note.
async fn has_one_of_each(app: &TestApp, who: &Person, what: &str) {
    let texts = app.texts(&who.name).await;
    for part in ["First", "Second", "Moved"] {
        let found = texts.iter().filter(|text| text.contains(part)).count();
        assert_eq!(found, 1, "{what}, {part}: {texts:?}");
    }
    assert_eq!(texts.len(), 3, "{what}: {texts:?}");
    let noted = app.noted(who).await;
    let written = noted.iter().filter(|(_, state)| state == "written").count();
    assert_eq!(written, 3, "{what}: {noted:?}");
    assert_eq!(
        app.application(&who.name).await["stage"],
        "Replied",
        "{what}"
    );
}

const NOTED: [&str; 2] = ["email_sent", "stage_changed"];

/// Two activities and a move wait for the next flush.
async fn with_news(app: &TestApp, who: &Person) {
    app.says(who, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.tells(who, &activity("a1", "email_sent", "First")).await;
    app.wait(1);
    app.tells(who, &activity("a2", "email_sent", "Second"))
        .await;
    app.says(who, "replied").await;
    app.wait(1);
}

#[expect(
    clippy::print_stdout,
    reason = "how many cases were tried is to be seen"
)]
fn say(what: &str, cases: usize) {
    println!("{what}: {cases} cases");
}

#[tokio::test]
async fn every_trouble_at_writing_leaves_one_note_of_each() {
    let app = TestApp::noting(&NOTED).await;
    let mut cases = 0;
    for (fault, order) in ordered() {
        for (after, times) in [(0, 1), (1, 1), (0, 5)] {
            cases += 1;
            let what = format!("{fault}, {times} times after {after}");
            let who = Person::new(&format!("P{cases}"));
            with_news(&app, &who).await;
            let mut order = order.clone();
            order["after"] = json!(after);
            befalls(&app, WRITES, &order, times).await;
            recover(&app, &what).await;
            has_one_of_each(&app, &who, &what).await;
        }
    }
    say("trouble at writing notes", cases);
}

#[tokio::test]
async fn every_trouble_at_looking_for_a_lost_note_leaves_one_note_of_each() {
    let app = TestApp::noting(&NOTED).await;
    let mut cases = 0;
    for (fault, order) in ordered() {
        for effect in [true, false] {
            cases += 1;
            let what = format!("lost, done: {effect}, then {fault}");
            let who = Person::new(&format!("P{cases}"));
            with_news(&app, &who).await;
            let lost = json!({ "kind": "lost-answer", "effect": effect });
            befalls(&app, WRITES, &lost, 1).await;
            befalls(&app, LOOKS, &order, 5).await;
            recover(&app, &what).await;
            has_one_of_each(&app, &who, &what).await;
        }
    }
    say("trouble at looking for notes", cases);
}

#[tokio::test]
async fn a_lost_note_is_known_again_in_whatever_form_ashby_gives_it_back() {
    for content in ["html", "text", "left-out"] {
        let app = TestApp::noting(&NOTED).await;
        app.sim("switches", json!({ "noteContent": content })).await;
        let ada = Person::new("Ada");
        with_news(&app, &ada).await;
        befalls(&app, WRITES, &json!({ "kind": "lost-answer" }), 2).await;
        recover(&app, content).await;
        has_one_of_each(&app, &ada, content).await;
        assert_eq!(
            app.called(WRITES).await,
            3,
            "{content}: none was written twice"
        );
    }
}

#[tokio::test]
async fn a_lost_note_is_waited_for_while_the_list_lags() {
    let app = TestApp::noting(&NOTED[..1]).await;
    app.sim("switches", json!({ "listLagSeconds": 300 })).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    befalls(&app, WRITES, &json!({ "kind": "lost-answer" }), 1).await;
    app.flush().await;
    for _ in 0..4 {
        assert_eq!(app.reason("cand_ada").await, "note-in-doubt");
        assert_eq!(app.prospect("cand_ada").await["state"], "pending");
        app.wait(1);
        app.flush().await;
    }
    app.wait(15);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(
        (app.notes("Ada").await.len(), app.called(WRITES).await),
        (1, 1)
    );
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

/// Ada, on whom a note was written twice in vain, as far as is to be seen.
async fn undecided() -> TestApp {
    let app = TestApp::noting(&NOTED).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    befalls(
        &app,
        WRITES,
        &json!({ "kind": "lost-answer", "effect": false }),
        2,
    )
    .await;
    for reason in ["note-in-doubt", "note-in-doubt", "note-undecided"] {
        app.flush().await;
        assert_eq!(app.reason("cand_ada").await, reason);
        app.wait(15);
    }
    app.counts_parked("note-undecided", 1).await;
    app.flush_to_rest().await;
    assert_eq!(app.called(WRITES).await, 2, "nothing more is written");
    app
}

#[tokio::test]
async fn somebody_is_asked_about_a_note_that_was_written_twice_in_vain() {
    let ada = Person::new("Ada");
    for (answer, notes) in [("write-again", 1), ("written", 0)] {
        let app = undecided().await;
        app.resync(&ada, "").await;
        app.flush_to_rest().await;
        assert_eq!(
            app.reason("cand_ada").await,
            "note-undecided",
            "that is no answer"
        );
        app.resync(&ada, &format!("?note={answer}")).await;
        app.flush_to_rest().await;
        assert_eq!(app.notes("Ada").await.len(), notes, "{answer}");
        assert_eq!(
            app.prospect("cand_ada").await["state"],
            "synced",
            "{answer}"
        );
        // It was answered once and for all.
        app.tells(&ada, &activity("a1", "email_sent", "First"))
            .await;
        assert!(app.flush_to_rest().await.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn a_note_in_doubt_holds_back_neither_stage_nor_other_notes() {
    let app = undecided().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.tells(&ada, &activity("a2", "email_sent", "Second"))
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.notes("Ada").await.len(), 2);
    assert_eq!(app.reason("cand_ada").await, "note-undecided");
}

#[tokio::test]
async fn a_person_is_not_erased_while_a_note_on_them_is_in_doubt() {
    let app = undecided().await;
    let id = app.prospect("cand_ada").await["id"].clone();
    let path = format!(
        "/v1/connections/{}/prospects/{}/personal-data",
        crate::app::CONNECTION,
        id.as_str().unwrap()
    );
    let request = app
        .request(reqwest::Method::DELETE, &path)
        .bearer_auth(crate::app::TOKEN);
    assert_eq!(app.send(request).await.status, 409);
}

#[tokio::test]
async fn a_candidate_who_is_merged_meanwhile_keeps_one_note_of_each() {
    let app = TestApp::noting(&NOTED).await;
    let ada = Person::new("Ada");
    with_news(&app, &ada).await;
    let other = app.sim("candidates", json!({ "name": "Ada L." })).await;
    let theirs = app.candidates("Ada").await[0]["id"].clone();
    let merge = json!({
        "endpoint": WRITES, "when": "before", "path": format!("/candidates/{}/merge", theirs.as_str().unwrap()),
        "body": { "into": other["id"] },
    });
    app.sim("meanwhile", merge).await;
    app.flush().await;
    app.wait(15);
    app.flush_to_rest().await;
    let texts = app.texts("Ada L.").await;
    assert_eq!(texts.len(), 3, "{texts:?}");
}

/// Flushes, and is killed while the answer to a note is on its way. `effect`: whether Ashby took it.
async fn killed_at_a_note(effect: bool) -> TestApp {
    let app = TestApp::noting(&NOTED).await;
    with_news(&app, &Person::new("Ada")).await;
    let slow = json!({ "kind": "slow", "effect": effect, "delay_ms": 1_500 });
    befalls(&app, WRITES, &slow, 1).await;
    let killed = Arc::new(app);
    let flushing = tokio::spawn({
        let app = Arc::clone(&killed);
        let path = format!(
            "/v1/connections/{}/flushes?wait=true",
            crate::app::CONNECTION
        );
        async move { app.post(&path, json!({})).await }
    });
    until_so("a note", async || killed.called(WRITES).await > 0).await;
    killed.sync().pool.close().await;
    let _ = flushing.await;
    Arc::into_inner(killed).unwrap()
}

#[tokio::test]
async fn a_crash_between_intent_and_outcome_leaves_one_note_of_each() {
    for effect in [true, false] {
        let killed = killed_at_a_note(effect).await;
        killed.freeze().await;
        let at: DateTime<Utc> = killed.now();
        let clock = ManualClock::at(at);
        let app = killed
            .copy(clock.clone(), told_by(&clock), http_client())
            .await;
        for _ in 0..3 {
            app.wait(15);
            app.flush().await;
        }
        app.flush_to_rest().await;
        has_one_of_each(&app, &Person::new("Ada"), &format!("done: {effect}")).await;
    }
}
