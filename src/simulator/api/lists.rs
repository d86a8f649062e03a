//! The lists an admin keeps: sources, archive reasons, tags, users. Only tags can be made through the API.

use super::Request;
use crate::simulator::{
    answer::{Answer, Reply},
    input::{Field, Kind, optional, required},
    paging::{CURSOR, LIMIT, Pass, SYNC_TOKEN},
    wire,
    world::{Tag, World},
};

pub(super) const WITH_ARCHIVED: &[Field] = &[optional("includeArchived", Kind::Flag)];

/// Titles are not unique: the same may stand under two source types.
pub(super) fn sources(world: &mut World, request: &Request) -> Reply {
    let archived = request.input.flag("includeArchived");
    let rows = world.sources.iter();
    let rows = rows.filter(|row| archived || !row.item.is_archived);
    Reply::whole_list(rows.map(wire::source).collect::<Vec<_>>())
}

pub(super) fn archive_reasons(world: &mut World, request: &Request) -> Reply {
    let archived = request.input.flag("includeArchived");
    let rows = world.archive_reasons.iter();
    let rows = rows.filter(|row| archived || !row.item.is_archived);
    Reply::of(rows.map(wire::archive_reason).collect::<Vec<_>>())
}

pub(super) const PAGED_WITH_ARCHIVED: &[Field] = &[
    optional("includeArchived", Kind::Flag),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

pub(super) fn tags(world: &mut World, request: &Request) -> Answer {
    let filters = ["includeArchived"];
    let mut pass = Pass::open(world, "candidateTag.list", &request.input, &filters)?;
    let (ids, next) = pass.select(world, &world.tags, |_| true);
    let rows = ids.iter().filter_map(|id| world.tags.get(*id));
    let results = rows.map(wire::tag).collect();
    Ok(pass.close(world, results, next))
}

pub(super) const NEW_TAG: &[Field] = &[required("title", Kind::Text)];

/// A title that there is already gives the tag that there is.
pub(super) fn create_tag(world: &mut World, request: &Request) -> Reply {
    let title = request.input.text("title").unwrap_or_default();
    if let Some(row) = world.tags.iter().find(|row| row.item.title == title) {
        return Reply::of(wire::tag(row));
    }
    let id = world.chance.object_id();
    let stamp = world.stamp();
    let tag = Tag {
        title: title.to_owned(),
    };
    world.tags.insert(id, tag, stamp.at, stamp);
    Reply::of(world.tags.get(id).map(wire::tag).unwrap_or_default())
}

pub(super) const USERS: &[Field] = &[
    optional("includeDeactivated", Kind::Flag),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

pub(super) fn users(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let mut pass = Pass::open(world, "user.list", input, &["includeDeactivated"])?;
    let (ids, next) = pass.select(world, &world.users, |row| {
        row.item.is_enabled || input.flag("includeDeactivated")
    });
    let rows = ids.iter().filter_map(|id| world.users.get(*id));
    let results = rows.map(wire::user).collect();
    Ok(pass.close(world, results, next))
}

pub(super) const USER_BY_EMAIL: &[Field] = &[required("email", Kind::Text)];

/// None or one.
pub(super) fn search_users(world: &mut World, request: &Request) -> Reply {
    let email = request.input.text("email").unwrap_or_default();
    let users = world.users.iter();
    let found = users.filter(|row| row.item.email.eq_ignore_ascii_case(email));
    Reply::of(found.take(1).map(wire::user).collect::<Vec<_>>())
}
