//! What may befall a call, each by a name of its own.

use serde_json::{Value, json};

/// What befalls a call.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// What the simulated Ashby does on order.
    Ordered(Value),
    /// The client loses patience before the answer comes.
    Timeout(Value),
    /// No connection can be made, for this call or from it on.
    Refused {
        /// Whether it stays so until somebody has seen to it.
        for_good: bool,
    },
}

/// Every trouble.
pub(super) fn troubles() -> Vec<(&'static str, Trouble)> {
    let mut troubles: Vec<_> = ordered()
        .into_iter()
        .map(|(name, order)| (name, Trouble::Ordered(order)))
        .collect();
    let slow =
        |effect| Trouble::Timeout(json!({ "kind": "slow", "effect": effect, "delay_ms": 60_000 }));
    troubles.extend([
        ("timeout", slow(true)),
        ("timeout before", slow(false)),
        ("connection refused", Trouble::Refused { for_good: false }),
        ("Ashby is gone", Trouble::Refused { for_good: true }),
    ]);
    troubles
}

/// Those that the simulated Ashby does by itself, as they are ordered.
pub(crate) fn ordered() -> Vec<(&'static str, Value)> {
    let refuse =
        |shape: &str, code: &str| json!({ "kind": "refuse", "shape": shape, "code": code });
    let internal = "generic_internal_error";
    vec![
        ("429", json!({ "kind": "rate-limited" })),
        (
            "429 with Retry-After",
            json!({ "kind": "rate-limited", "retry_after_s": 7 }),
        ),
        (
            "429 of somebody else's scope",
            json!({ "kind": "rate-limited", "retry_after_s": 7, "scope": "partner" }),
        ),
        ("500 before", json!({ "kind": "error-before" })),
        ("500 after", json!({ "kind": "error-after" })),
        ("lost answer", json!({ "kind": "lost-answer" })),
        (
            "lost before",
            json!({ "kind": "lost-answer", "effect": false }),
        ),
        ("truncated", json!({ "kind": "truncated" })),
        ("gateway page", json!({ "kind": "html" })),
        (
            "gateway page after",
            json!({ "kind": "html", "effect": true }),
        ),
        ("refused, strings", refuse("strings", "not_today")),
        ("refused, with errorInfo", refuse("info", "not_today")),
        ("refused, objects", refuse("objects", "not_today")),
        ("internal error, strings", refuse("strings", internal)),
        ("internal error, with errorInfo", refuse("info", internal)),
        ("internal error, objects", refuse("objects", internal)),
        (
            "internal error, yet done",
            json!({ "kind": "refuse", "effect": true }),
        ),
        ("permission missing", json!({ "kind": "forbidden" })),
    ]
}
