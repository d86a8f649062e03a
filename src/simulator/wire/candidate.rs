//! Candidates on the wire.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{field_values, instant, source_or_null, tag, user_or_null};
use crate::simulator::{
    shelf::Row,
    world::{Candidate, Contact, Place, World},
};

/// A candidate, as `candidate.*` answers it. Applications for confidential jobs are left out.
pub(crate) fn candidate(world: &World, row: &Row<Candidate>) -> Value {
    let candidate = &row.item;
    let mut wire = Map::new();
    wire.insert("id".into(), json!(row.id));
    wire.insert("createdAt".into(), json!(instant(row.created_at)));
    wire.insert("updatedAt".into(), json!(instant(row.updated_at)));
    wire.insert("name".into(), json!(candidate.name));
    insert_primaries(&mut wire, candidate);
    wire.insert("emailAddresses".into(), contacts(&candidate.emails));
    wire.insert("phoneNumbers".into(), contacts(&candidate.phones));
    wire.insert("socialLinks".into(), links(candidate));
    wire.insert("tags".into(), candidate_tags(world, candidate));
    wire.insert(
        "applicationIds".into(),
        visible_applications(world, candidate),
    );
    wire.insert("fileHandles".into(), json!([]));
    wire.insert(
        "customFields".into(),
        field_values(world, &candidate.fields),
    );
    wire.insert("profileUrl".into(), json!(profile_url(row.id)));
    wire.insert("source".into(), source_or_null(world, candidate.source));
    wire.insert(
        "creditedToUser".into(),
        user_or_null(world, candidate.credited_to),
    );
    wire.insert("timezone".into(), Value::Null);
    if let Some(place) = &candidate.place {
        wire.insert("location".into(), location(place));
    }
    if let Some(company) = &candidate.company {
        wire.insert("company".into(), json!(company));
    }
    wire.insert("fraudStatus".into(), Value::Null);
    Value::Object(wire)
}

/// Where a person finds the candidate in Ashby's own pages.
pub(crate) fn profile_url(id: Uuid) -> String {
    format!("https://app.ashbyhq.com/candidate-searches/new/right-side/candidates/{id}")
}

/// The primary address and number, each only where there is one.
pub(super) fn insert_primaries(wire: &mut Map<String, Value>, candidate: &Candidate) {
    for (key, contacts) in [
        ("primaryEmailAddress", &candidate.emails),
        ("primaryPhoneNumber", &candidate.phones),
    ] {
        if let Some(primary) = contacts.iter().find(|contact| contact.is_primary) {
            wire.insert(key.into(), contact(primary));
        }
    }
}

fn contact(contact: &Contact) -> Value {
    json!({"value": contact.value, "type": "Personal", "isPrimary": contact.is_primary})
}

fn contacts(contacts: &[Contact]) -> Value {
    contacts.iter().map(contact).collect()
}

fn links(candidate: &Candidate) -> Value {
    candidate
        .links
        .iter()
        .map(|link| json!({"type": link.kind, "url": link.url}))
        .collect()
}

fn candidate_tags(world: &World, candidate: &Candidate) -> Value {
    let rows = candidate.tags.iter().filter_map(|id| world.tags.get(*id));
    rows.map(tag).collect()
}

fn visible_applications(world: &World, candidate: &Candidate) -> Value {
    let shown = |id: &&Uuid| {
        let row = world.applications.get(**id);
        row.is_some_and(|row| world.has_surfaced(row) && world.shows_application(&row.item))
    };
    candidate
        .applications
        .iter()
        .filter(shown)
        .map(|id| json!(id))
        .collect()
}

fn location(place: &Place) -> Value {
    let parts = [
        ("City", &place.city),
        ("Region", &place.region),
        ("Country", &place.country),
    ];
    let named: Vec<_> = parts
        .iter()
        .filter_map(|(kind, name)| name.as_ref().map(|name| (kind, name)))
        .collect();
    let summary: Vec<_> = named.iter().map(|(_, name)| name.as_str()).collect();
    let components: Vec<_> = named
        .iter()
        .map(|(kind, name)| json!({"type": kind, "name": name}))
        .collect();
    json!({"id": place.id, "locationSummary": summary.join(", "), "locationComponents": components})
}
