//! The one table that is printed: what was measured, and what was to be reached.

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// The lines of the table, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Sheet(Vec<[String; 4]>);

impl Sheet {
    /// Something to know that has nothing to reach.
    pub(crate) fn fact(&mut self, name: String, measured: String) {
        self.0.push([name, measured, String::new(), String::new()]);
    }

    /// A figure that is to be as high as `least`.
    pub(crate) fn at_least(&mut self, name: String, measured: f64, least: f64) {
        let met = verdict(measured >= least);
        self.0
            .push([name, number(measured), format!("≥ {}", number(least)), met]);
    }

    /// A figure that is to be as low as `most`.
    pub(crate) fn at_most(&mut self, name: String, measured: f64, most: f64) {
        let met = verdict(measured <= most);
        self.0
            .push([name, number(measured), format!("≤ {}", number(most)), met]);
    }

    /// As it is printed.
    pub(crate) fn render(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(["what", "measured", "to be reached", "reached"]);
        for row in &self.0 {
            table.add_row(row);
        }
        table.to_string()
    }
}

fn verdict(is_met: bool) -> String {
    if is_met { "yes" } else { "NO" }.to_owned()
}

/// With as many digits as mean something.
fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// A count, to be divided.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far from 2^52"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// The middle one; the upper of two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The middle one, and in brackets the least and the most.
pub(crate) fn spread(values: Vec<f64>) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{:.0} [{least:.0}–{most:.0}]", median(values))
}
