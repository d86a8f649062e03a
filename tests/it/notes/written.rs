//! Upon what notes are written, what they say, and that nothing makes two of one.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::{ALL, activity};
use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    settings::{OF_CONNECTION, OF_JOB},
};

#[tokio::test]
async fn each_kind_of_activity_makes_a_note_of_the_time_when_it_happened() {
    let app = TestApp::noting(&ALL[..5]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    let first = app.now() - TimeDelta::minutes(9);
    for (number, kind) in (0..).zip(&ALL[..5]) {
        // Told in another order than it happened.
        let at = first + TimeDelta::minutes(8 - number);
        app.tells_at(&ada, &activity(kind, kind, "Hello"), at).await;
    }
    assert_eq!(app.flush_to_rest().await, ["candidate.createNote"; 5]);
    let notes = app.notes("Ada").await;
    let said = |text: &str| format!("<b>{text} (Dover)</b> <i>Your work</i><pre>Hello</pre>");
    let expected = [
        said("Note"),
        said("Call"),
        said("LinkedIn message"),
        "<b>E-mail received (Dover)</b> <i>Your work</i> <pre>Hello</pre>".to_owned(),
        said("E-mail sent"),
    ];
    let found: Vec<_> = notes.iter().map(|note| &note["content"]).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    for (number, note) in (4..).zip(&notes) {
        let at = first + TimeDelta::minutes(number);
        assert_eq!(
            note["createdAt"],
            json!(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        );
    }
    assert_eq!(app.reason("cand_ada").await, "updated");
    let sentence = app.sentence(&ada).await;
    assert!(sentence.contains("a note upon email_replied"), "{sentence}");
}

#[tokio::test]
async fn what_the_service_does_makes_a_note_as_well() {
    let app = TestApp::noting(&ALL).await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.says(&ada, "replied").await;
    let moved_at = app.now();
    app.flush_to_rest().await;
    app.wait(15);
    app.says_status(&ada, "withdrew").await;
    app.flush_to_rest().await;
    assert_eq!(
        app.texts("Ada").await,
        [
            "<b>Added (Dover)</b> at <i>New Lead</i>",
            "<b>Moved (Dover)</b> from <i>New Lead</i> to <i>Replied</i>",
            "<b>Archived (Dover)</b> with the reason <i>Withdrew in Dover</i>",
        ]
    );
    let moved = app.notes("Ada").await[1]["createdAt"].clone();
    assert_eq!(
        moved,
        json!(moved_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    );
}

#[tokio::test]
async fn nothing_is_written_that_nobody_chose() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_sent", "Hello"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert!(
        app.noted(&ada).await.is_empty(),
        "nothing is even kept of it"
    );

    app.set_on(OF_CONNECTION, json!({ "notes.on": ["call"] }))
        .await;
    app.tells(&ada, &activity("a2", "email_sent", "Hello"))
        .await;
    app.tells(&ada, &activity("a3", "call", "Hello")).await;
    app.tells(&ada, &activity("a4", "carrier_pigeon", "Hello"))
        .await;
    app.tells(&ada, &activity("a5", "created", "Hello")).await;
    assert_eq!(app.flush_to_rest().await, ["candidate.createNote"]);
    let noted = app.noted(&ada).await;
    let pair = |kind: &str, state: &str| (kind.to_owned(), state.to_owned());
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert!(noted.contains(&pair("call", "written")), "{noted:?}");
    assert!(
        noted.contains(&pair("email_sent", "not-chosen")),
        "{noted:?}"
    );
}

#[tokio::test]
async fn a_text_stays_a_text_and_nobody_is_mailed() {
    let app = TestApp::noting(&ALL).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    let body = "<script>alert(1)</script> R&D\r\n</pre><b>{{kind}}</b>";
    app.tells(&ada, &activity("a1", "email_sent", body)).await;
    app.flush_to_rest().await;
    let text = app.texts("Ada").await.pop().unwrap();
    assert_eq!(
        text,
        "<b>E-mail sent (Dover)</b> <i>Your work</i><pre>&lt;script&gt;alert(1)&lt;/script&gt; R&amp;D\n\
         &lt;/pre&gt;&lt;b&gt;{{kind}}&lt;/b&gt;</pre>"
    );
    let calls = app.calls().await;
    let call = calls
        .iter()
        .rfind(|call| call["endpoint"] == "candidate.createNote");
    assert_eq!(call.unwrap()["request"]["sendNotifications"], false);
}

#[tokio::test]
async fn an_activity_that_is_told_again_makes_no_second_note() {
    let app = TestApp::noting(&ALL).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    let before = app.notes("Ada").await.len();
    app.tells(&ada, &activity("a1", "email_sent", "Hello"))
        .await;
    app.wait(1);
    app.tells(&ada, &activity("a1", "email_sent", "Hello Ada"))
        .await;
    assert_eq!(app.flush_to_rest().await, ["candidate.createNote"]);
    for body in ["Hello Ada", "Hello again"] {
        app.wait(15);
        app.tells(&ada, &activity("a1", "email_sent", body)).await;
        assert!(app.flush_to_rest().await.is_empty());
    }
    let texts = app.texts("Ada").await;
    assert_eq!(texts.len(), before + 1);
    assert!(
        texts.iter().any(|text| text.contains("Hello Ada")),
        "the later telling counts: {texts:?}"
    );
}

#[tokio::test]
async fn what_is_told_in_whatever_order_is_the_same() {
    let mut texts = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let app = TestApp::noting(&ALL[..1]).await;
        let ada = Person::new("Ada");
        app.add(&ada).await;
        let told = ["Hello", "Hello Ada"].map(|body| activity("a1", "email_sent", body));
        for which in order {
            let at = app.now() - TimeDelta::minutes(1);
            let mut delivery = app.telling(&ada, &told[which], at);
            delivery["data"]["updated_at"] =
                json!(at + TimeDelta::seconds(i64::try_from(which).unwrap()));
            app.deliver(&format!("msg_{which}"), &delivery).await.ok();
        }
        app.flush_to_rest().await;
        texts.push(app.texts("Ada").await);
    }
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0][0].contains("Hello Ada"));
}

#[tokio::test]
async fn a_job_has_words_of_its_own() {
    let app = TestApp::noting(&ALL[..2]).await;
    let template = "<a href=\"https://dover.example\">Dover</a>: {{body}} <i>{{sentiment}}</i> ({{job}}, {{at}})";
    app.set_on(
        OF_JOB,
        json!({ "notes.template": { "email_replied": template } }),
    )
    .await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_replied", "Yes & no"))
        .await;
    app.flush_to_rest().await;
    assert_eq!(
        app.texts("Ada").await,
        [
            "<a href=\"https://dover.example\">Dover</a>: Yes &amp; no  (Staff Engineer, 21 November 2026, 10:14 UTC)"
        ]
    );
}

#[tokio::test]
async fn title_and_company_stand_in_the_first_note_where_they_have_no_field() {
    for has_field in [false, true] {
        let app = TestApp::noting(&ALL[..1]).await;
        if has_field {
            let field =
                json!({ "title": "Company", "objectType": "Candidate", "fieldType": "String" });
            app.sim("custom-fields", field).await;
        }
        let mut contact = Person::new("Ada").contact;
        contact["title"] = "Head of R&D".into();
        contact["company"] = "Analytical Engines".into();
        let ada = Person::new("Ada").with(contact);
        app.add(&ada).await;
        for (id, body) in [("a1", "First"), ("a2", "Second")] {
            app.tells(&ada, &activity(id, "email_sent", body)).await;
            app.flush_to_rest().await;
            app.wait(15);
        }
        let texts = app.texts("Ada").await;
        let company = if has_field {
            ""
        } else {
            "<li>Company: Analytical Engines</li>"
        };
        let lines = format!("<pre>First</pre><ul><li>Title: Head of R&amp;D</li>{company}</ul>");
        assert!(texts[0].ends_with(&lines), "{texts:?}");
        assert!(texts[1].ends_with("<pre>Second</pre>"), "{texts:?}");
    }
}

#[tokio::test]
async fn a_long_history_goes_over_several_flushes() {
    let app = TestApp::noting(&ALL[..1]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    for number in 0..45 {
        let id = format!("a{number:02}");
        let at = app.now() - TimeDelta::seconds(600 - number);
        app.tells_at(&ada, &activity(&id, "email_sent", &id), at)
            .await;
    }
    for expected in [20, 40] {
        app.flush().await;
        assert_eq!(app.notes("Ada").await.len(), expected);
        assert_eq!(app.reason("cand_ada").await, "notes-left");
        assert_eq!(app.prospect("cand_ada").await["state"], "pending");
    }
    app.flush_to_rest().await;
    let texts = app.texts("Ada").await;
    assert_eq!(texts.len(), 45);
    for (number, text) in texts.iter().enumerate() {
        assert!(
            text.contains(&format!("a{number:02}")),
            "oldest first: {text}"
        );
    }
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

#[tokio::test]
async fn what_is_to_come_counts_as_of_now() {
    let app = TestApp::noting(&ALL[..1]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    let ahead = app.now() + TimeDelta::days(400);
    app.tells_at(&ada, &activity("a1", "email_sent", "Hello"), ahead)
        .await;
    let now = app.now();
    app.flush_to_rest().await;
    let shown = app.notes("Ada").await[0]["createdAt"].clone();
    assert_eq!(
        shown,
        json!(now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    );
}

#[tokio::test]
async fn a_replay_lets_what_was_not_chosen_be_judged_anew() {
    let app = TestApp::noting(&["call"]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_sent", "Hello"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.set_on(OF_CONNECTION, json!({ "notes.on": ["email_sent"] }))
        .await;
    assert!(
        app.flush_to_rest().await.is_empty(),
        "what was let go of stays so"
    );
    let replay = format!("/v1/connections/{CONNECTION}/deliveries/replay");
    app.post(&replay, json!({ "dover_candidate_id": ada.id }))
        .await
        .ok();
    assert_eq!(app.flush_to_rest().await, ["candidate.createNote"]);
    app.post(&replay, json!({ "dover_candidate_id": ada.id }))
        .await
        .ok();
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn nothing_is_written_on_whoever_was_erased() {
    let app = TestApp::noting(&ALL[..1]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    app.tells(&ada, &activity("a1", "email_sent", "Hello"))
        .await;
    app.get(&format!("/v1/connections/{CONNECTION}/flushes/preview"))
        .await
        .ok();
    let id = app.prospect_of(&ada).await["id"].clone();
    let path = format!(
        "/v1/connections/{CONNECTION}/prospects/{}/personal-data",
        id.as_str().unwrap()
    );
    app.send(app.request(Method::DELETE, &path).bearer_auth(TOKEN))
        .await
        .ok();
    app.wait(1);
    app.tells(&ada, &activity("a2", "email_sent", "Hello"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert!(app.noted(&ada).await.is_empty());
}

#[tokio::test]
async fn notes_wait_for_their_job_like_everything_else() {
    let app = TestApp::connected().await;
    app.set_on(
        OF_CONNECTION,
        json!({ "notes.on": ALL, "notes.backfill": true }),
    )
    .await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    // Known by Ashby's id until it is registered.
    let early = Person::new("Ada").on(job["id"].as_str().unwrap());
    app.says(&early, "new_lead").await;
    app.tells(&early, &activity("a1", "email_sent", "Hello"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    let body =
        json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
        .await
        .ok();
    app.flush_to_rest().await;
    let texts = app.texts("Ada").await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("Hello"));
}
