//! `candidate.createNote` and `candidate.listNotes`. Writing the same note twice gives two notes.

use serde_json::Value;
use uuid::Uuid;

use super::{Request, candidates::visible};
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Kind, optional, required},
    markup,
    paging::{CURSOR, LIMIT, Pass, SYNC_TOKEN},
    wire,
    world::{Note, World},
};

pub(super) const CREATE: &[Field] = &[
    required("candidateId", Kind::Id),
    required("note", Kind::Anything),
    optional("sendNotifications", Kind::Flag),
    optional("isPrivate", Kind::Flag),
    optional("createdAt", Kind::Instant),
];

pub(super) fn create(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let candidate = visible(world, input.required_id("candidateId"))?;
    let content = input.raw("note").and_then(content).ok_or_else(|| {
        Refusal::invalid("note: expected a string, or an object with type and value")
    })?;
    let note = Note {
        candidate,
        content,
        is_private: input.flag("isPrivate"),
    };
    let id = world.chance.object_id();
    let stamp = world.stamp();
    let created_at = input.instant("createdAt").unwrap_or(stamp.at);
    world.notes.insert(id, note, created_at, stamp);
    let written = render(world, &[id]).pop();
    Ok(Reply::of(written.unwrap_or_default()))
}

fn content(note: &Value) -> Option<String> {
    let text = match note {
        Value::String(text) => text,
        Value::Object(note) if note.len() == 2 => {
            let value = note.get("value")?.as_str()?;
            match note.get("type")?.as_str()? {
                "text/html" => return Some(markup::stripped(value)),
                "text/plain" => value,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(text.to_owned())
}

pub(super) const LIST: &[Field] = &[required("candidateId", Kind::Id), CURSOR, SYNC_TOKEN, LIMIT];

pub(super) fn list(world: &mut World, request: &Request) -> Answer {
    let candidate = visible(world, request.input.required_id("candidateId"))?;
    let filters = ["candidateId"];
    let mut pass = Pass::open(world, "candidate.listNotes", &request.input, &filters)?;
    let (ids, next) = pass.select(world, &world.notes, |row| row.item.candidate == candidate);
    let results = render(world, &ids);
    Ok(pass.close(world, results, next))
}

fn render(world: &World, ids: &[Uuid]) -> Vec<Value> {
    let rows = ids.iter().filter_map(|id| world.notes.get(*id));
    rows.map(|row| wire::note(world, row)).collect()
}
