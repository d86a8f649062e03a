//! Reads rows out of a comma-separated file as its bytes come in, whatever its size, in constant memory: a row that does
//! not fit is passed over and told, and nothing else is kept. Knows nothing of what the columns mean.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The longest row that is read, in bytes. A person's takes some hundred.
const MAX_ROW: usize = 256 * 1024;
/// The most columns that are read.
const MAX_COLUMNS: usize = 1_000;
/// How much of a file is looked at before anything is read out of it, in bytes.
pub(super) const HEAD: usize = 64 * 1024;

/// Why a file is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAList {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Something else, as its first bytes tell.
    #[error("the file is {0}, not comma-separated text")]
    SomethingElse(&'static str),
}

/// What the first bytes of files tell that people take for lists.
const OTHERS: [(&[u8], &str); 8] = [
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "an image or a recording"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
];

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'a> {
    /// The cells, as bytes, and the line that the row begins in.
    Cells(i64, Vec<&'a [u8]>),
    /// Too long, or of too many columns.
    TooLong(i64),
}

/// Reads rows.
pub(super) struct Rows {
    reader: Reader,
    utf16: Option<Decoder>,
    cells: Vec<u8>,
    ends: Vec<usize>,
    /// How much of both is filled.
    filled: (usize, usize),
    too_long: bool,
    lines: Lines,
}

/// Counts lines, for the reader counts those alone that end with a line feed.
struct Lines {
    /// The line that the next byte is in, counted from 1.
    now: i64,
    /// Whether the last byte was a carriage return: a line feed behind it ends the same line.
    behind_return: bool,
    /// The line that the row under way begins in; `None` while there are only line breaks, which belong to no row.
    row: Option<i64>,
}

impl Lines {
    /// Takes in bytes that belong to one row, or to the breaks before it.
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.behind_return => {}
                b'\r' | b'\n' => self.now += 1,
                _ => {
                    self.row.get_or_insert(self.now);
                }
            }
            self.behind_return = *byte == b'\r';
        }
    }

    /// The row is over: the line that it began in.
    fn end_row(&mut self) -> i64 {
        self.row.take().unwrap_or(self.now)
    }
}

impl Rows {
    /// Reads rows as the beginning of the file shows that they are written: its encoding, and whether cells end with
    /// commas, semicolons or tabs.
    pub(super) fn like(head: &[u8]) -> Result<Self, NotAList> {
        let other = OTHERS.iter().find(|(first, _)| head.starts_with(first));
        if let Some((_, what)) = other {
            return Err(NotAList::SomethingElse(what));
        }
        let utf16 = match head {
            [0xff, 0xfe, ..] => Some(UTF_16LE.new_decoder_with_bom_removal()),
            [0xfe, 0xff, ..] => Some(UTF_16BE.new_decoder_with_bom_removal()),
            _ => None,
        };
        let plain: Vec<u8> = match &utf16 {
            // Of texts in these encodings every other byte is one of the text, as good as always.
            Some(_) => head.iter().copied().filter(|byte| *byte != 0).collect(),
            None if head.contains(&0) => {
                return Err(NotAList::SomethingElse("binary data"));
            }
            None => head.to_vec(),
        };
        if plain.iter().all(|byte| !byte.is_ascii_graphic()) {
            return Err(NotAList::Empty);
        }
        Ok(Self {
            reader: ReaderBuilder::new().delimiter(delimiter(&plain)).build(),
            utf16,
            cells: vec![0; MAX_ROW],
            ends: vec![0; MAX_COLUMNS],
            filled: (0, 0),
            too_long: false,
            lines: Lines {
                now: 1,
                behind_return: false,
                row: None,
            },
        })
    }

    /// Takes in the next bytes of the file, and hands on each row that ends in them.
    pub(super) fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(Row<'_>)) {
        match self
            .utf16
            .as_mut()
            .map(|decoder| decoded(decoder, bytes, false))
        {
            Some(text) => self.read(text.as_bytes(), each),
            None => self.read(bytes, each),
        }
    }

    /// The file is over: hands on the row that no line break ended.
    pub(super) fn end(&mut self, each: &mut impl FnMut(Row<'_>)) {
        if let Some(text) = self
            .utf16
            .as_mut()
            .map(|decoder| decoded(decoder, &[], true))
        {
            self.read(text.as_bytes(), each);
        }
        // Told of the end, the reader ends the row under way, and then itself.
        while !matches!(self.step(&[], each), (ReadRecordResult::End, _)) {}
    }

    fn read(&mut self, mut bytes: &[u8], each: &mut impl FnMut(Row<'_>)) {
        while !bytes.is_empty() {
            let (_, taken) = self.step(bytes, each);
            bytes = &bytes[taken..];
        }
    }

    fn step(&mut self, bytes: &[u8], each: &mut impl FnMut(Row<'_>)) -> (ReadRecordResult, usize) {
        let (cells, ends) = self.filled;
        let (result, taken, put, ended) =
            self.reader
                .read_record(bytes, &mut self.cells[cells..], &mut self.ends[ends..]);
        self.filled = (cells + put, ends + ended);
        self.lines.take(&bytes[..taken]);
        match result {
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                self.filled = (0, 0);
                self.too_long = true;
            }
            ReadRecordResult::Record => self.hand_on(each),
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
        }
        (result, taken)
    }

    /// A row is complete.
    fn hand_on(&mut self, each: &mut impl FnMut(Row<'_>)) {
        let (cells, ends) = (&self.cells[..self.filled.0], &self.ends[..self.filled.1]);
        let line = self.lines.end_row();
        if self.too_long {
            each(Row::TooLong(line));
        } else {
            let starts = std::iter::once(&0).chain(ends);
            let cells = starts.zip(ends).map(|(start, end)| &cells[*start..*end]);
            each(Row::Cells(line, cells.collect()));
        }
        self.filled = (0, 0);
        self.too_long = false;
    }
}

/// What ends the cells of the first row, outside of quotes; a comma where nothing does.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += usize::from(delimiter == byte);
                }
            }
            _ => {}
        }
    }
    // Of equals the first counts: a comma.
    let most = counts.iter().map(|(_, count)| *count).max();
    let found = counts.iter().find(|(_, count)| Some(*count) == most);
    found.map_or(b',', |(delimiter, _)| *delimiter)
}

fn decoded(decoder: &mut Decoder, mut bytes: &[u8], last: bool) -> String {
    let mut text = String::new();
    loop {
        let room = decoder.max_utf8_buffer_length(bytes.len());
        text.reserve(room.unwrap_or(bytes.len() * 3 + 16));
        let (result, taken, _) = decoder.decode_to_string(bytes, &mut text, last);
        bytes = &bytes[taken..];
        if result == CoderResult::InputEmpty {
            return text;
        }
    }
}

/// A cell as text. Whatever is not UTF-8 is taken for Windows-1252, which Excel writes in the West: cell by cell, so that
/// nobody has to have read the whole file first.
pub(super) fn text(cell: &[u8]) -> String {
    let text = match std::str::from_utf8(cell) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252
            .decode_without_bom_handling(cell)
            .0
            .into_owned(),
    };
    let text = text.trim_start_matches('\u{feff}');
    text.trim().replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of a file that comes in pieces of `size` bytes: its line and its cells, or nothing where it was too long.
    fn rows(file: &[u8], size: usize) -> Vec<(i64, Option<Vec<String>>)> {
        let mut rows = Rows::like(&file[..file.len().min(HEAD)]).unwrap();
        let mut found = Vec::new();
        let mut each = |row: Row<'_>| {
            found.push(match row {
                Row::Cells(line, cells) => (line, Some(cells.into_iter().map(text).collect())),
                Row::TooLong(line) => (line, None),
            });
        };
        for piece in file.chunks(size) {
            rows.take(piece, &mut each);
        }
        rows.end(&mut each);
        found
    }

    fn cells(line: i64, cells: &[&str]) -> (i64, Option<Vec<String>>) {
        (
            line,
            Some(cells.iter().map(|cell| (*cell).to_owned()).collect()),
        )
    }

    #[test]
    fn rows_are_the_same_however_the_file_comes_in() {
        let file = b"a,b\r\n1,\"two\r\nlines, \"\"quoted\"\"\"\n\n3,4";
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(
                rows(file, size),
                [
                    cells(1, &["a", "b"]),
                    cells(2, &["1", "two\r\nlines, \"quoted\""]),
                    cells(5, &["3", "4"]),
                ],
                "{size}"
            );
        }
    }

    #[test]
    fn a_line_ends_however_it_ends() {
        let file = b"a\r\rb\n\r\nc\r\n\"d\re\r\nf\ng\"\rh\n";
        for size in [1, 2, 3, 1000] {
            assert_eq!(
                rows(file, size),
                [
                    cells(1, &["a"]),
                    cells(3, &["b"]),
                    cells(5, &["c"]),
                    cells(6, &["d\re\r\nf\ng"]),
                    cells(10, &["h"]),
                ],
                "{size}"
            );
        }
    }

    #[test]
    fn semicolons_and_tabs_are_told_from_the_first_row() {
        assert_eq!(rows(b"a;b,c;d\n1;2\n", 4)[1], cells(2, &["1", "2"]));
        assert_eq!(rows(b"a\tb\n1\t2\n", 4)[1], cells(2, &["1", "2"]));
        assert_eq!(rows(b"\"a;;;\",b\n1,2\n", 4)[1], cells(2, &["1", "2"]));
        assert_eq!(rows(b"a\n1\n", 4)[1], cells(2, &["1"]));
    }

    #[test]
    fn every_usual_encoding_is_read() {
        let told = |file: &[u8]| rows(file, 3)[1].1.clone().unwrap()[0].clone();
        assert_eq!(told("\u{feff}n\nRen\u{e9}".as_bytes()), "Ren\u{e9}");
        assert_eq!(told(b"n\nRen\xe9 \x80"), "Ren\u{e9} \u{20ac}");
        assert_eq!(rows(b"\xef\xbb\xbfn\nx", 1)[0], cells(1, &["n"]));
        let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        assert_eq!(
            told(&utf16("\u{feff}n\nRen\u{e9}", u16::to_le_bytes)),
            "Ren\u{e9}"
        );
        assert_eq!(
            told(&utf16("\u{feff}n\nRen\u{e9}", u16::to_be_bytes)),
            "Ren\u{e9}"
        );
    }

    #[test]
    fn a_row_that_is_too_long_is_passed_over_and_told() {
        let long = format!(
            "a,b\n1,\"{}\n{}\"\n3,4\n",
            "x".repeat(MAX_ROW),
            "y".repeat(MAX_ROW)
        );
        assert_eq!(
            rows(long.as_bytes(), 10_000),
            [cells(1, &["a", "b"]), (2, None), cells(4, &["3", "4"])]
        );
        let wide = format!("a\n{}\nb\n", ",".repeat(MAX_COLUMNS));
        assert_eq!(
            rows(wide.as_bytes(), 100),
            [cells(1, &["a"]), (2, None), cells(3, &["b"])]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_no_memory() {
        let open = format!("a\n\"{}", "x\n".repeat(MAX_ROW));
        assert_eq!(rows(open.as_bytes(), 10_000), [cells(1, &["a"]), (2, None)]);
    }

    #[test]
    fn what_is_no_list_is_told_by_its_first_bytes() {
        for (file, said) in [
            (&b""[..], "empty"),
            (b" \r\n\n", "empty"),
            (b"\xef\xbb\xbf\n", "empty"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"\xff\xd8\xff\xe0", "JPEG"),
            (b"PK\x03\x04abc", "Excel"),
            (b"a,b\n\0\0\0", "binary"),
        ] {
            let refused = Rows::like(file).err().unwrap().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
