//! A person is erased everywhere at their request, and not made again.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::app::{CONNECTION, Person, TOKEN, TestApp};

fn of_acme(path: &str) -> String {
    format!("/v1/connections/{CONNECTION}{path}")
}

/// Everything that the database holds, as text; bytes as far as they are text.
async fn dump(app: &TestApp) -> String {
    let pool = &app.database.pool;
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut dump = String::new();
    for (table, column, kind) in columns {
        let text = if kind == "bytea" {
            format!("encode(\"{column}\", 'escape')")
        } else {
            format!("\"{column}\"::text")
        };
        let all = AssertSqlSafe(format!("SELECT string_agg({text}, '\n') FROM \"{table}\""));
        let found: Option<String> = sqlx::query_scalar(all).fetch_one(pool).await.unwrap();
        dump.push_str(&found.unwrap_or_default());
    }
    dump.to_lowercase()
}

/// What must not be found of Ada afterwards.
const TRACES: [&str; 6] = [
    "ada@example.com",
    "lovelace",
    "7946 0000",
    "in/ada-l",
    "analytical engines",
    "ada@work.example",
];

/// What is found of her.
pub(crate) async fn traces(app: &TestApp) -> Vec<&'static str> {
    let dump = dump(app).await;
    TRACES
        .into_iter()
        .filter(|trace| dump.contains(trace))
        .collect()
}

pub(crate) fn ada() -> Person {
    Person {
        name: "Ada Lovelace".to_owned(),
        ..Person::new("Ada").with(json!({
            "email": "Ada@Example.com", "alternate_emails": ["ada@work.example"], "phone": "+44 20 7946 0000",
            "linkedin_url": "https://www.linkedin.com/in/Ada-L/", "company": "Analytical Engines",
        }))
    }
}

pub(crate) async fn erase(app: &TestApp, who: &Person) -> crate::app::Answer {
    let id = app.prospect_of(who).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.delete(&of_acme(&format!("/prospects/{id}/personal-data")))
        .await
}

/// Ada, in every place where something of her may be kept.
async fn known_everywhere(app: &TestApp) -> Person {
    let ada = ada();
    app.says(&ada, "new_lead").await;
    app.says(&ada.clone().on("job_nobody_registered"), "replied")
        .await;
    // Another id of hers, with the same profile and another address.
    let twin = Person {
        id: "cand_twin".to_owned(),
        ..ada
            .clone()
            .with(json!({ "linkedin_url": "uk.linkedin.com/in/ada-l" }))
    };
    app.says(&twin, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(1);
    // Waiting and not folded; rejected; of a type that nobody knows; held, for its id was used.
    app.says(&ada, "replied").await;
    let mut rejected = ada.change(json!({ "stage": "replied" }));
    app.deliver("msg_rejected", &rejected).await;
    rejected["type"] = json!("candidate.sang");
    app.deliver("msg_sang", &rejected).await.ok();
    let change = |stage: &str| ada.change(json!({ "stage": stage, "updated_at": app.now() }));
    app.deliver("msg_twice", &change("replied")).await.ok();
    app.deliver("msg_twice", &change("new_lead")).await.ok();
    ada
}

#[tokio::test]
async fn nothing_of_an_erased_person_remains_and_nobody_else_is_touched() {
    let app = TestApp::with_job().await;
    let grace = Person::new("Grace");
    app.says(&grace, "new_lead").await;
    let ada = known_everywhere(&app).await;
    assert_eq!(traces(&app).await, TRACES);

    let erased = erase(&app, &ada).await.ok();
    assert_eq!(traces(&app).await, Vec::<&str>::new());
    assert_eq!(
        (&erased["prospects"], &erased["deliveries"]),
        (&json!(3), &json!(8)),
        "{erased}"
    );
    // Ashby is a person's to see to, and told by id.
    let in_ashby = app.candidates("Ada Lovelace").await;
    assert_eq!(erased["ashby"][0]["candidate_id"], in_ashby[0]["id"]);
    assert!(erased["remedy"].as_str().unwrap().contains("anonymise"));

    let again = erase(&app, &ada).await.ok();
    assert_eq!(
        (&again["id"], &again["deliveries"], &again["decisions"]),
        (&erased["id"], &json!(0), &json!(0))
    );
    assert!(app.flush_to_rest().await.is_empty());
    for prospect in app.get(&of_acme("/prospects")).await.ok()["items"]
        .as_array()
        .unwrap()
    {
        let is_grace = prospect["dover_candidate_id"] == grace.id.as_str();
        let reason = &prospect["last_decision"]["reason"]["code"];
        let expected = if is_grace { "already-there" } else { "erased" };
        assert!(
            reason == expected || (is_grace && reason == "created"),
            "{prospect}"
        );
        assert_eq!(
            prospect["name"],
            if is_grace {
                json!("Grace")
            } else {
                Value::Null
            }
        );
        assert_eq!(
            prospect["state"],
            if is_grace { "synced" } else { "skipped" }
        );
    }
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
    assert_eq!(app.application("Grace").await["stage"], "New Lead");
    assert_eq!(traces(&app).await, Vec::<&str>::new());
}

#[tokio::test]
async fn what_comes_later_is_acknowledged_kept_without_the_person_and_skipped() {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    // Before there is anybody in Ashby.
    erase(&app, &ada).await.ok();
    app.wait(1);
    // Under her id, under another id with her address, and under that other id without it.
    app.says(&ada, "replied").await;
    let other = Person {
        id: "cand_other".to_owned(),
        ..ada.clone()
    };
    app.says(
        &other.clone().with(json!({ "email": " ADA@WORK.example" })),
        "replied",
    )
    .await;
    assert_eq!(traces(&app).await, Vec::<&str>::new());
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(1);
    app.says(
        &other.clone().with(json!({ "phone": "+44 20 7946 0000" })),
        "interviewing",
    )
    .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(traces(&app).await, Vec::<&str>::new());
    for who in [&ada, &other] {
        let prospect = app.prospect_of(who).await;
        assert_eq!(
            (
                &prospect["state"],
                &prospect["last_decision"]["reason"]["code"]
            ),
            (&json!("skipped"), &json!("erased")),
            "{prospect}"
        );
    }
    assert!(app.candidates("Ada Lovelace").await.is_empty());
    // Every one of them was kept, and is not read again.
    let kept = app.get(&of_acme("/deliveries")).await.ok();
    let kept = kept["items"].as_array().unwrap();
    assert_eq!(kept.len(), 4);
    assert!(
        kept.iter()
            .all(|delivery| delivery["erased_at"].is_string()),
        "{kept:?}"
    );
    let path = of_acme(&format!(
        "/deliveries/{}/replay",
        kept[0]["id"].as_str().unwrap()
    ));
    let refused = app.post(&path, json!({})).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (422, "invalid-delivery")
    );
}

#[tokio::test]
async fn what_is_refused_of_an_erased_person_is_kept_without_them_too() {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    erase(&app, &ada).await.ok();
    for (id, contact) in [
        (
            ada.id.as_str(),
            json!({ "name": ada.name, "phone": "+44 20 7946 0000" }),
        ),
        ("cand_other", ada.contact.clone()),
    ] {
        let mut candidate = contact;
        candidate["id"] = id.into();
        // Without a time it is refused.
        let body = json!({ "type": "candidate.updated",
            "data": { "candidate": candidate, "job": { "id": "job_42" } } });
        let answer = app
            .send(app.signed(&format!("msg_{id}"), body.to_string().as_bytes()))
            .await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.body["faults"][0]["pointer"], "/data/updated_at");
        assert_eq!(traces(&app).await, Vec::<&str>::new(), "{id}");
    }
    let kept = app.get(&of_acme("/deliveries?verdict=rejected")).await.ok();
    let kept = kept["items"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(
        kept.iter().all(|one| one["erased_at"].is_string()),
        "{kept:?}"
    );
}

#[tokio::test]
async fn somebody_who_turns_out_to_be_erased_is_emptied_as_well() {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    erase(&app, &ada).await.ok();
    // Nobody can tell yet who that is.
    let other = Person {
        id: "cand_other".to_owned(),
        ..ada.clone()
    };
    let nameless = other
        .clone()
        .with(json!({ "company": "Analytical Engines" }));
    app.says(&nameless, "new_lead").await;
    app.flush_to_rest().await;
    assert!(!traces(&app).await.is_empty());
    app.wait(1);
    app.says(&other, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(traces(&app).await, Vec::<&str>::new());
    assert_eq!(app.reason("cand_other").await, "erased");
}

#[tokio::test]
async fn an_erasure_can_be_lifted_and_what_dover_says_then_counts() {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let erased = erase(&app, &ada).await.ok();
    app.wait(1);
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    let listed = app.get(&of_acme("/erasures")).await.ok();
    assert_eq!(listed["items"][0]["id"], erased["id"]);
    let path = of_acme(&format!("/erasures/{}", erased["id"].as_str().unwrap()));
    assert_eq!(app.delete(&path).await.status, 204);
    assert_eq!(app.delete(&path).await.status, 404);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "no-stage-yet");
    app.wait(1);
    app.says(&ada, "interviewing").await;
    // The same application as before: nobody is made twice by it.
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.candidates("Ada Lovelace").await.len(), 1);
}

#[tokio::test]
async fn nobody_is_erased_while_a_write_for_them_is_in_doubt() {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    app.sim("switches", json!({ "listLagSeconds": 300 })).await;
    app.sim(
        "faults",
        json!({ "endpoint": "candidate.create", "kind": "lost-answer" }),
    )
    .await;
    app.flush().await;
    assert_eq!(app.reason(&ada.id).await, "create-in-doubt");
    let refused = erase(&app, &ada).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "write-under-way")
    );
    assert!(!traces(&app).await.is_empty());
    app.wait(6);
    app.flush_to_rest().await;
    erase(&app, &ada).await.ok();
    assert_eq!(traces(&app).await, Vec::<&str>::new());
    assert_eq!(app.candidates("Ada Lovelace").await.len(), 1);
}

#[tokio::test]
async fn a_late_registration_brings_nobody_back() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let ada = ada().on(job["id"].as_str().unwrap());
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    erase(&app, &ada).await.ok();
    let body =
        json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&of_acme("/jobs"), body).await.ok();
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "erased");
    let gone = app
        .request(
            Method::DELETE,
            &of_acme("/prospects/nonsense/personal-data"),
        )
        .bearer_auth(TOKEN);
    assert_eq!(app.send(gone).await.status, 404);
}
