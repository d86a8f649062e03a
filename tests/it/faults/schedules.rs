//! The law of creating: no schedule of lags, troubles and flushes makes two of anybody.

use serde_json::json;

use super::{
    doubt::{CREATES, contacts, flush_after},
    orders::ordered,
};
use crate::{app::TestApp, dice::Dice, operator::answer_truthfully};

/// Schedules that are tried. Each has a lag of its own, below what is allowed for, and trouble where it hurts.
const SCHEDULES: u64 = 24;

/// Orders up to three troubles, mostly with creates.
async fn trouble(app: &TestApp, dice: &mut Dice) {
    let troubles = ordered();
    for _ in 0..dice.below(4) {
        let (name, order) = dice.one_of(&troubles);
        // What is refused for good waits for a word, which here nobody gives.
        if name.starts_with("refused") || *name == "permission missing" {
            continue;
        }
        let mut order = order.clone();
        let endpoints = [
            CREATES[0],
            CREATES[0],
            CREATES[1],
            CREATES[1],
            "candidate.search",
        ];
        order["endpoint"] = json!(dice.one_of(&endpoints));
        order["after"] = json!(dice.below(3));
        order["times"] = json!(1 + dice.below(5));
        app.sim("faults", order).await;
    }
}

#[tokio::test]
async fn no_schedule_of_lags_troubles_and_flushes_doubles_anybody() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let app = TestApp::with_job().await;
        app.register("job_43", "Designer").await;
        let lag = dice.below(9 * 60 + 1);
        app.sim("switches", json!({ "listLagSeconds": lag })).await;
        let people = contacts("ada");
        for who in &people {
            app.says(who, "replied").await;
            app.says(&who.clone().on("job_43"), "replied").await;
        }
        for _ in 0..6 {
            trouble(&app, &mut dice).await;
            flush_after(&app, dice.below(20) as u64).await;
            answer_truthfully(&app).await;
        }
        app.sim_as(reqwest::Method::DELETE, "faults", None).await;
        for _ in 0..4 {
            flush_after(&app, 15).await;
            answer_truthfully(&app).await;
        }
        app.wait(15);
        assert!(app.flush_to_rest().await.is_empty(), "seed {seed}");
        for who in &people {
            let there = (
                app.candidates(&who.name).await.len(),
                app.applications(&who.name).await.len(),
            );
            assert_eq!(there, (1, 2), "{} with seed {seed}, lag {lag}", who.name);
        }
    }
}
