//! The tag that a setting gives to candidates. Given once: one that somebody takes away in Ashby stays away.

use super::{Added, Interrupted, Record, failed};
use crate::{ids::TagId, plan::settings::keys::TAG, store};

/// The title of the tag that is to be given.
fn due<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    let title = record.case.situation.policy.tag()?;
    (record.case.prospect.tagged_as.as_deref() != Some(title)).then_some(title)
}

pub(super) fn is_due(record: &Record<'_>) -> bool {
    due(record).is_some()
}

/// Gives it.
pub(super) async fn add(record: &Record<'_>) -> Result<Added, Interrupted> {
    let Some(title) = due(record) else {
        return Ok(Added::default());
    };
    let was_given = was_given(record, title).await?;
    if !was_given {
        record.hold().await?;
        let tag = titled(record, title).await?;
        let given = record.ashby.add_tag(&record.candidate, &tag).await;
        given.map_err(failed)?;
    }
    let mut tx = record.scene.fenced().await?;
    store::prospect::tagged(&mut *tx, record.case.prospect.id, title).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(given(title, was_given))
}

/// What would be given, in words.
pub(super) async fn foresee(record: &Record<'_>) -> Result<Added, Interrupted> {
    let Some(title) = due(record) else {
        return Ok(Added::default());
    };
    Ok(given(title, was_given(record, title).await?))
}

fn given(title: &str, was_given: bool) -> Added {
    let words = (!was_given).then(|| format!("the tag \u{201c}{title}\u{201d}"));
    Added::by(TAG, words.into_iter().collect())
}

/// Whether they were given it with another of their jobs, and whoever took it away wants it so.
async fn was_given(record: &Record<'_>, title: &str) -> Result<bool, store::StoreError> {
    let scene = record.scene;
    store::prospect::was_tagged(&scene.sync.pool, scene.connection, &record.candidate, title).await
}

/// The tag of a title: Ashby is asked once a flush.
async fn titled(record: &Record<'_>, title: &str) -> Result<TagId, Interrupted> {
    let mut known = record.scene.tags.lock().await;
    if let Some(tag) = known.get(title) {
        return Ok(tag.clone());
    }
    let tag = record.ashby.tag_titled(title).await.map_err(failed)?;
    known.insert(title.to_owned(), tag.id.clone());
    Ok(tag.id)
}
