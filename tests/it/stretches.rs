//! Deliveries lie in stretches, so that what comes in is written close together. Nobody who asks for all of a candidate notices.

use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::{
    app::{CONNECTION, Person, TestApp},
    erasing::{ada, erase, traces},
};
use dover_ashby_sync::store::inbox;

/// How many deliveries there are in each.
const STRETCH: i64 = 1 << 18;

/// Whatever comes from now on lies in stretch `number`.
async fn begin(app: &TestApp, number: i64) {
    let next = number * STRETCH;
    sqlx::query(AssertSqlSafe(format!(
        "ALTER TABLE delivery ALTER COLUMN id RESTART WITH {next}"
    )))
    .execute(&app.database.pool)
    .await
    .unwrap();
}

/// Ada is told of thrice, each time in another stretch, two of them with an empty one between; Bob only once.
async fn over_three() -> (TestApp, Person) {
    let app = TestApp::with_job().await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    app.wait(1);
    begin(&app, 1).await;
    app.says(&ada, "interviewing").await;
    app.says(&Person::new("Bob"), "replied").await;
    app.wait(1);
    begin(&app, 3).await;
    app.says(&ada, "replied").await;
    (app, ada)
}

fn deliveries(query: &str) -> String {
    format!("/v1/connections/{CONNECTION}/deliveries{query}")
}

#[tokio::test]
async fn what_lies_in_several_is_folded_into_one_prospect() {
    let (app, _) = over_three().await;
    app.flush().await;
    assert_eq!(app.application("Ada Lovelace").await["stage"], "Replied");
    assert_eq!(app.candidates("Ada Lovelace").await.len(), 1);
    assert_eq!(app.candidates("Bob").await.len(), 1);
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn a_candidate_is_listed_over_all_of_them_latest_first() {
    let (app, ada) = over_three().await;
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let query = format!("?dover_candidate_id={}&limit=2{after}", ada.id);
        let page = app.get(&deliveries(&query)).await.ok();
        for item in page["items"].as_array().unwrap() {
            assert_eq!(item["pending"], true);
            found.push(item["id"].as_str().unwrap().parse::<i64>().unwrap() / STRETCH);
        }
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        after = format!("&cursor={next}");
    }
    assert_eq!(found, [3, 1, 0]);
    let rejected = format!("?dover_candidate_id={}&verdict=rejected", ada.id);
    let page = app.get(&deliveries(&rejected)).await.ok();
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn a_candidate_is_replayed_over_all_of_them() {
    let (app, ada) = over_three().await;
    app.flush().await;
    for filter in [
        json!({ "dover_candidate_id": ada.id }),
        json!({ "dover_candidate_id": ada.id, "reason": "created", "verdict": "accepted" }),
    ] {
        let replayed = app.post(&deliveries("/replay"), filter.clone()).await.ok();
        assert_eq!(replayed["deliveries"], 3, "{filter}: {replayed}");
    }
}

#[tokio::test]
async fn whoever_is_erased_is_erased_from_all_of_them() {
    let (app, ada) = over_three().await;
    app.flush().await;
    // Of nobody that is known: it is looked through, too.
    begin(&app, 4).await;
    let nobody = json!({ "type": "candidate.stage_changed", "note": "write to Ada@Example.com" });
    app.deliver("msg_nobody", &nobody).await;
    erase(&app, &ada).await.ok();
    assert_eq!(traces(&app).await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_page_is_of_one_candidate_after_the_other_over_all_of_them() {
    let (app, ada) = over_three().await;
    let pool = &app.database.pool;
    let connection = app.connection(CONNECTION).await.id;
    let stretches = inbox::stretches(pool, connection).await.unwrap();
    assert_eq!(stretches, [0, 1, 3]);
    app.wait(1);
    begin(&app, 4).await;
    app.says(&ada, "interviewing").await;
    let first = inbox::Place::default();
    let end = async |size| inbox::page_end(pool, connection, &stretches, &first, size).await;
    let (ada, id) = end(3).await.unwrap().unwrap();
    assert_eq!((&*ada, id / STRETCH), ("cand_ada", 3), "her last one");
    let before_bob = ("cand_bob".to_owned(), 0);
    assert_eq!(end(4).await.unwrap(), Some(before_bob.clone()));
    assert_eq!(end(5).await.unwrap(), None, "what came later is not theirs");
    let mut sizes = Vec::new();
    for page in [(&first, Some(&before_bob)), (&before_bob, None)] {
        let mut tx = pool.begin().await.unwrap();
        let taken = inbox::take(&mut tx, connection, &stretches, page).await;
        let each = taken.unwrap();
        sizes.extend(each.iter().map(|one| one.deliveries.len()));
    }
    assert_eq!(sizes, [3, 1]);
}
