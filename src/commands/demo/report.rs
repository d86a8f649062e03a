//! What came of the demo: a table of every decision, and whether each end state in Ashby is as it should be.

use anyhow::{Context, Result};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::Value;

use super::{
    CONNECTION,
    cast::{CAST, Character, JOBS},
    client::Admin,
    control::Control,
    say,
};

/// Columns of the table: what most terminals, and every log, can show.
const WIDTH: u16 = 140;

/// The decisions on one prospect, oldest first.
async fn decisions(admin: &Admin, one: &Character) -> Result<Vec<Value>> {
    let path = format!(
        "connections/{CONNECTION}/prospects?dover_candidate_id=cand_{}",
        one.slug()
    );
    let found = admin.get(&path).await?;
    let id = found["items"][0]["id"]
        .as_str()
        .with_context(|| format!("{} is no prospect", one.name))?
        .to_owned();
    let explained = admin
        .get(&format!("connections/{CONNECTION}/prospects/{id}/explain"))
        .await?;
    let mut decisions = explained["decisions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    decisions.reverse();
    Ok(decisions)
}

/// Prints every decision: who, what Dover said, what Ashby showed, what was done and why.
pub(super) async fn print_table(admin: &Admin) -> Result<()> {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    table.set_header(["prospect", "Dover said", "Ashby showed", "action", "reason"]);
    for one in &CAST {
        for (place, decision) in decisions(admin, one).await?.iter().enumerate() {
            let who = if place == 0 { one.name } else { "" };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let reason = format!(
                "{}: {}",
                text(&decision["reason"]["code"]),
                text(&decision["reason"]["sentence"])
            );
            table.add_row([
                who.to_owned(),
                dover_said(&decision["dover"]),
                ashby_showed(&decision["ashby"]),
                text(&decision["action"]),
                reason,
            ]);
        }
    }
    say(&format!("\n{table}"));
    Ok(())
}

fn dover_said(dover: &Value) -> String {
    match (dover["stage"].as_str(), dover["status"].as_str()) {
        (Some(stage), Some("active") | None) => stage.to_owned(),
        (Some(stage), Some(status)) => format!("{status} ({stage})"),
        (None, status) => status.unwrap_or_default().to_owned(),
    }
}

fn ashby_showed(ashby: &Value) -> String {
    match (ashby["stage"].as_str(), ashby["person"].as_str()) {
        (Some(stage), _) => stage.to_owned(),
        (None, Some("known")) => "known, not on this job".to_owned(),
        (None, _) => "nobody".to_owned(),
    }
}

/// What is not as it should be, read back from Ashby and from the explanations.
pub(super) async fn wrong(admin: &Admin, control: &Control) -> Result<Vec<String>> {
    let world = control.world().await?;
    let mut wrong = Vec::new();
    for one in &CAST {
        let decided = decisions(admin, one).await?;
        let reasons: Vec<&str> = decided
            .iter()
            .filter_map(|decision| decision["reason"]["code"].as_str())
            .collect();
        if reasons != one.reasons {
            wrong.push(format!(
                "{}: decided {reasons:?}, expected {:?}",
                one.name, one.reasons
            ));
        }
        wrong.extend(wrong_in_ashby(one, &world));
    }
    Ok(wrong)
}

fn wrong_in_ashby(one: &Character, world: &Value) -> Option<String> {
    let of = |list: &str, key: &str| -> Vec<Value> {
        let all = world[list].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|entry| entry[key] == one.name)
            .collect()
    };
    let (people, applications) = (of("candidates", "name"), of("applications", "candidate"));
    let Some(ends) = one.ends else {
        return (!people.is_empty())
            .then(|| format!("{}: is in Ashby and should not be", one.name));
    };
    let title = JOBS
        .iter()
        .find(|(id, _)| *id == one.job)
        .map(|(_, title)| *title);
    match (people.as_slice(), applications.as_slice()) {
        ([_], [application]) => {
            let found = (
                application["job"].as_str(),
                application["stage"].as_str(),
                application["archiveReason"].as_str(),
                application["source"].as_str() == Some("Dover"),
            );
            let expected = (
                title,
                Some(ends.stage),
                ends.archive_reason,
                ends.from_dover,
            );
            (found != expected)
                .then(|| format!("{}: stands at {found:?}, expected {expected:?}", one.name))
        }
        (people, applications) => Some(format!(
            "{}: {} candidates and {} applications, expected one of each",
            one.name,
            people.len(),
            applications.len()
        )),
    }
}

/// Prints what the flushes asked of Ashby, against the least that would do.
pub(super) async fn print_calls(flushes: &[&Value], control: &Control) -> Result<()> {
    let sum = |kind: &str| {
        flushes
            .iter()
            .filter_map(|flush| flush["ashby_calls"][kind].as_i64())
            .sum::<i64>()
    };
    let least: usize = CAST.iter().map(|one| one.writes).sum();
    let total = control.calls().await?.len();
    say(&format!(
        "\nEvery end state was read back from Ashby and is as it should be: {} prospects, {} applications.\nSent again, nothing happened twice: the last flush made 0 calls that change anything.\nCalls of the flushes: {} that change something (the least possible: {least}) and {} that look; {total} calls in all with connecting and registering.",
        CAST.len(),
        CAST.iter().filter(|one| one.ends.is_some()).count(),
        sum("write"),
        sum("read")
    ));
    Ok(())
}
