//! Lists as people hand them around: comma-separated for a spreadsheet, or as a table of plain text.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// The type of comma-separated text.
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// As what a list is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For machines.
    Json,
    /// Comma-separated (RFC 4180), for a spreadsheet.
    Csv,
    /// A table of plain text.
    Table,
}

impl Format {
    /// Each with its word, as a parameter has it.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("table", Self::Table),
    ];

    /// What the header `Accept` asks for: the first of its types that we know. JSON where it names none.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let accepted = accepted.filter_map(|value| value.to_str().ok());
        let mut types = accepted
            .flat_map(|value| value.split(','))
            .filter_map(|kind| kind.split(';').next());
        types
            .find_map(|kind| match kind.trim().to_ascii_lowercase().as_str() {
                "application/json" | "application/*" | "*/*" => Some(Self::Json),
                "text/csv" => Some(Self::Csv),
                "text/plain" | "text/*" => Some(Self::Table),
                _ => None,
            })
            .unwrap_or(Self::Json)
    }
}

/// A list as lines of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What the columns are.
    pub header: Vec<&'static str>,
    /// The lines, each with a cell a column.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Comma-separated, as RFC 4180 has it. What a spreadsheet would take for a formula begins with an apostrophe.
    pub fn csv(&self) -> String {
        let mut csv = String::new();
        let header = self.header.iter().map(|cell| (*cell).to_owned()).collect();
        for row in std::iter::once(&header).chain(&self.rows) {
            csv.push_str(&line(row));
        }
        csv
    }

    /// A table of plain text, `width` characters wide; `None` for as wide as its cells.
    pub fn table(&self, width: Option<u16>) -> String {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_header(self.header.iter().copied());
        if let Some(width) = width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| plain(cell)));
        }
        format!("{table}\n")
    }

    /// The answer in a format that is not JSON.
    pub fn answer(&self, format: Format) -> Response {
        let (kind, body) = match format {
            Format::Csv => (CSV, self.csv()),
            Format::Json | Format::Table => ("text/plain; charset=utf-8", self.table(None)),
        };
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    }
}

/// A line of comma-separated text, with its end. What a spreadsheet would take for a formula begins with an apostrophe.
pub fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(&defused(cell))).collect();
    format!("{}\r\n", cells.join(","))
}

/// Spreadsheets run what begins like a formula, and names come from outside. Where lists are separated by semicolons or
/// tabs a cell of ours is not quoted as a whole, and falls apart at these and at line breaks: each piece is defused.
fn defused(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len() + 1);
    // What a spreadsheet drops before it looks whether there is a formula.
    if cell.trim_start_matches(' ').starts_with(['\t', '\r', '\n']) {
        text.push('\'');
    }
    for piece in cell.split_inclusive([';', '\t', '\r', '\n']) {
        if runs(piece) {
            text.push('\'');
        }
        text.push_str(piece);
    }
    text
}

/// Whether a spreadsheet would take a cell for a formula, perhaps once it has taken quotes away.
fn runs(cell: &str) -> bool {
    cell.trim_start_matches([' ', '"']).starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', ';', '\t', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Without what would move a terminal's cursor or change its colours.
fn plain(cell: &str) -> String {
    cell.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sheet(cell: &str) -> Sheet {
        Sheet {
            header: vec!["name", "why"],
            rows: vec![vec![cell.to_owned(), "x".to_owned()]],
        }
    }

    #[test]
    fn a_cell_survives_whatever_is_in_it() {
        for (cell, expected) in [
            ("Ada", "Ada"),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("the \"first\"", "\"the \"\"first\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(sheet(cell).csv(), format!("name,why\r\n{expected},x\r\n"));
        }
    }

    #[test]
    fn nothing_is_run_by_a_spreadsheet() {
        for cell in ["=1+1", "+1", "-1", "@x", "\tx", " =1", "\u{ff1d}1"] {
            let csv = sheet(cell).csv();
            let line = csv.lines().nth(1).unwrap().trim_start_matches('"');
            assert!(line.starts_with('\''), "{csv:?}");
        }
        assert!(sheet("a=1").csv().contains("\r\na=1,"));
    }

    /// The separator of lists may be a semicolon or a tab. Quotes inside a line then count for nothing, and what stands
    /// behind one of these or a line break is a cell of its own.
    #[test]
    fn nothing_is_run_whatever_separates_cells() {
        for (cell, expected) in [
            ("Bob;=1+1", "\"Bob;'=1+1\""),
            ("Bob; +1", "\"Bob;' +1\""),
            ("Bob\t@x", "\"Bob\t'@x\""),
            ("Bob\n-1", "\"Bob\n'-1\""),
            ("Bob;\"=1\"", "\"Bob;'\"\"=1\"\"\""),
            (";=1;=2", "\";'=1;'=2\""),
            ("Bob;1=1", "\"Bob;1=1\""),
        ] {
            assert_eq!(sheet(cell).csv(), format!("name,why\r\n{expected},x\r\n"));
        }
    }

    #[test]
    fn a_table_is_plain_text() {
        let table = sheet("Ada\u{1b}[31m").table(None);
        assert!(
            table.contains("Ada") && !table.contains('\u{1b}'),
            "{table}"
        );
    }

    #[test]
    fn the_first_type_that_we_know_is_answered() {
        for (accept, expected) in [
            ("text/csv", Format::Csv),
            ("image/png, text/plain;q=0.5", Format::Table),
            ("*/*", Format::Json),
            ("image/png", Format::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Format::accepted(&headers), expected, "{accept}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Json);
    }
}
