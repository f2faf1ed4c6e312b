//! Delimited text: CSV and its kin, plain or compressed.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use flate2::read::MultiGzDecoder;
use memchr::memchr_iter;
use zeroize::Zeroize;

use super::cells::Cells;
use super::source::{Source, peek};
use super::split::{Block, Form, Shape, Span, Splitter};
use crate::error::Result;
use crate::identifier::Unreadable;

type Stream = Box<dyn Read + Send>;

/// A text list, with its header read.
pub(super) struct Text {
    splitter: Splitter<Stream>,
    pub(super) header: Vec<String>,
    pub(super) delimiter: u8,
    source: Source,
}

impl Text {
    /// Opens a list and reads its header.
    pub(super) fn open(source: &Source, count: Arc<AtomicU64>) -> Result<Text> {
        let stream = decoded(source, source.bytes(count)?)?;
        let options = &source.options;
        let shape = Shape { delimiter: b',', fields: 0, limit: options.max_record };
        let mut splitter = Splitter::new(stream, shape);
        let line = splitter.peek_line().map_err(source.reading())?;
        if line.is_empty() {
            return Err(source.unusable("is empty; it needs a header and rows"));
        }
        if let Some(problem) = not_text(line) {
            return Err(source.unusable(problem));
        }
        let delimiter = options.delimiter.unwrap_or_else(|| sniff(line));
        let block = splitter.header(delimiter).map_err(source.reading())?;
        let header = block.and_then(|block| names(&block, delimiter)).ok_or_else(|| {
            source.unusable("the header cannot be read; check its quotation marks and encoding")
        })?;
        splitter.expect_fields(header.len());
        Ok(Text { splitter, header, delimiter, source: source.clone() })
    }

    /// The next records; nothing at the end of the list.
    pub(super) fn next_block(&mut self) -> Result<Option<Block>> {
        self.splitter.next_block().map_err(self.source.reading())
    }
}

/// Undoes compression and the byte order mark, and turns away what is not text.
fn decoded(source: &Source, stream: Stream) -> Result<Stream> {
    let (head, stream) = peek(stream, 4).map_err(source.reading())?;
    let stream: Stream = match head.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(stream)),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let decoder = zstd::stream::read::Decoder::new(stream);
            Box::new(decoder.map_err(source.reading())?)
        }
        _ => Box::new(stream),
    };
    let (head, mut stream) = peek(stream, 4).map_err(source.reading())?;
    match head.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Err(source.unusable("is UTF-16; save it as UTF-8 (in Excel: \"CSV UTF-8\")"))
        }
        b"PAR1" => Err(source.unusable("is Parquet; read it as format parquet")),
        b"PK\x03\x04" => {
            Err(source.unusable("is a spreadsheet or archive; export the list as CSV"))
        }
        [0xef, 0xbb, 0xbf, ..] => {
            let mark = &mut [0; 3];
            stream.read_exact(mark).map_err(source.reading())?;
            Ok(Box::new(stream))
        }
        _ => Ok(Box::new(stream)),
    }
}

/// Why a first line is none.
fn not_text(line: &[u8]) -> Option<&'static str> {
    let control = |c: &u8| c.is_ascii_control() && !matches!(c, b'\t' | b'\r' | b'\n');
    if line.iter().any(control) {
        return Some("is not text; export the list as CSV in UTF-8");
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.contains(&b'\r').then_some(
        "has lines that end in a lone carriage return; save it with the line ends of Unix or Windows",
    )
}

/// The delimiter that stands in a header most often, outside quotation marks.
fn sniff(line: &[u8]) -> u8 {
    let mut quoted = false;
    let open = line.iter().copied().filter(|c| {
        quoted ^= *c == b'"';
        !quoted
    });
    let open: Vec<u8> = open.collect();
    let count = |delimiter| memchr_iter(delimiter, &open).count();
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn names(header: &Block, delimiter: u8) -> Option<Vec<String>> {
    let span = header.spans.first()?;
    let mut fields = Fields::new(delimiter, 0);
    fields.read(&header.text, span).ok()?;
    let names = (0..fields.len()).map(|i| String::from_utf8(fields.cell(i).to_vec()).ok());
    names.collect()
}

/// Parses records into fields. One per worker; the cells are wiped when it is dropped or grows.
pub(super) struct Fields {
    reader: Reader,
    delimiter: u8,
    /// Fields that a record must have; 0 for any number.
    width: usize,
    /// The fields of the record at hand, one after the other.
    text: Vec<u8>,
    ranges: Vec<Range<usize>>,
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn new(delimiter: u8, width: usize) -> Fields {
        // Records are bounded already: a carriage return in one is data.
        let terminator = Terminator::Any(b'\n');
        let reader = ReaderBuilder::new().delimiter(delimiter).terminator(terminator).build();
        let (text, ranges, ends) = (Vec::new(), Vec::new(), Vec::new());
        Fields { reader, delimiter, width, text, ranges, ends }
    }

    /// Parses one record.
    pub(super) fn read(&mut self, text: &[u8], span: &Span) -> Result<(), Unreadable> {
        let record = text.get(span.start..span.end).unwrap_or_default();
        match span.form {
            Form::Bad(reason) => return Err(reason),
            Form::Plain => self.plain(record),
            Form::Quoted => self.quoted(record),
        }
        match self.width == 0 || self.ranges.len() == self.width {
            true => Ok(()),
            false => Err(Unreadable::Ragged),
        }
    }

    /// Number of fields of the record at hand.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Makes room for a record without leaving the last one behind.
    fn make_room(&mut self, bytes: usize) {
        if self.text.capacity() < bytes {
            self.text.zeroize();
            self.text = Vec::with_capacity(bytes.next_power_of_two());
        }
    }

    fn plain(&mut self, record: &[u8]) {
        self.make_room(record.len());
        self.text.clear();
        self.text.extend_from_slice(record);
        self.ranges.clear();
        let mut start = 0;
        for end in memchr_iter(self.delimiter, record).chain([record.len()]) {
            self.ranges.push(start..end);
            start = end + 1;
        }
    }

    fn quoted(&mut self, record: &[u8]) {
        let delimiters = memchr_iter(self.delimiter, record).count();
        self.make_room(record.len());
        self.text.resize(record.len(), 0);
        self.ends.resize(delimiters + 1, 0);
        self.reader.reset();
        let (mut input, mut written, mut fields) = (record, 0, 0);
        loop {
            let (text, ends) = (&mut self.text[written..], &mut self.ends[fields..]);
            let (result, read, wrote, ended) = self.reader.read_record(input, text, ends);
            input = input.get(read..).unwrap_or_default();
            (written, fields) = (written + wrote, fields + ended);
            match result {
                ReadRecordResult::InputEmpty => {} // the next, empty, input ends the record
                _ => break,
            }
        }
        self.ranges.clear();
        let mut start = 0;
        for end in self.ends.iter().take(fields) {
            self.ranges.push(start..*end);
            start = *end;
        }
    }
}

impl Cells for Fields {
    fn cell(&self, index: usize) -> &[u8] {
        self.ranges.get(index).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// The likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(record: &str, form: Form) -> Vec<String> {
        let mut fields = Fields::new(b',', 0);
        let span = Span { start: 0, end: record.len(), form };
        fields.read(record.as_bytes(), &span).unwrap();
        let cell = |i| String::from_utf8_lossy(fields.cell(i)).into_owned();
        (0..fields.len()).map(cell).collect()
    }

    #[test]
    fn both_parsers_agree_where_there_are_no_quotes() {
        for record in ["a", "a,b", ",", "a,,b,", "", " a , b\r", "é,ü"] {
            let csv_core = fields(record, Form::Quoted);
            let expected = if record.is_empty() { vec![] } else { fields(record, Form::Plain) };
            assert_eq!(csv_core, expected, "{record:?}");
        }
    }

    #[test]
    fn quotes() {
        let cases: [(&str, &[&str]); 5] = [
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"a\"\"b\",c", &["a\"b", "c"]),
            ("\"a\r\nb\",\"\"", &["a\r\nb", ""]),
            ("a\"b,c", &["a\"b", "c"]),
            ("\"a\"b,c", &["ab", "c"]),
        ];
        for (record, expected) in cases {
            assert_eq!(fields(record, Form::Quoted), expected, "{record:?}");
        }
    }

    #[test]
    fn the_delimiter_of_a_header() {
        for (line, expected) in [
            ("email", b','),
            ("email,phone", b','),
            ("email;phone;a,b", b';'),
            ("email\tphone", b'\t'),
            ("a|b|c", b'|'),
            ("\"a;b;c\",d", b','),
            ("a,b;c", b','),
        ] {
            assert_eq!(sniff(line.as_bytes()), expected, "{line}");
        }
    }
}
