//! Cutting delimited text into records.
//!
//! Quotation marks make records of several lines, and a lost one would make the rest of the file
//! a single record. So a record is bounded here before its fields are looked at, and a record of
//! several lines has to prove itself: it must close its quotes within the limit, right before a
//! delimiter or the end of a line, and have as many fields as the header. Otherwise its first line
//! alone is bad and reading goes on at the next one.

use std::io::{self, Read};

use memchr::{memchr, memchr2};
use zeroize::Zeroizing;

use crate::identifier::Unreadable;

/// Cuts a stream into blocks of records. Blank lines are not records.
pub(super) struct Splitter<R> {
    reader: R,
    shape: Shape,
    /// Read, but not given out yet: the beginning of a record.
    rest: Zeroizing<Vec<u8>>,
    ended: bool,
    /// In the middle of a line that is too long.
    skipping: bool,
}

/// What is known of the records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) delimiter: u8,
    /// Fields in the header; 0 while that is not known.
    pub(super) fields: usize,
    /// The most bytes that a record may have.
    pub(super) limit: usize,
}

/// Records, in order, and the text they stand in. Wiped when dropped.
pub(super) struct Block {
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) spans: Vec<Span>,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    /// Without the end of the line.
    pub(super) end: usize,
    pub(super) form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// No quotation mark in it.
    Plain,
    /// Quotation marks in it.
    Quoted,
    /// Cannot be read.
    Bad(Unreadable),
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(reader: R, shape: Shape) -> Self {
        Splitter { reader, shape, rest: Zeroizing::default(), ended: false, skipping: false }
    }

    /// The text up to the end of the first line that is not blank; empty if there is none.
    pub(super) fn peek_line(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        let blank = |c: &u8| matches!(c, b'\r' | b'\n' | b' ');
        let start = self.rest.iter().position(|c| !blank(c)).unwrap_or(self.rest.len());
        let line = self.rest.get(start..).unwrap_or_default();
        Ok(&line[..memchr(b'\n', line).unwrap_or(line.len())])
    }

    /// The first record by itself, as a block; nothing at the end of the stream.
    pub(super) fn header(&mut self, delimiter: u8) -> io::Result<Option<Block>> {
        self.shape.delimiter = delimiter;
        self.cut(1)
    }

    /// Tells how many fields the header has.
    pub(super) fn expect_fields(&mut self, fields: usize) {
        self.shape.fields = fields;
    }

    /// The next records; nothing at the end of the stream.
    pub(super) fn next_block(&mut self) -> io::Result<Option<Block>> {
        self.cut(usize::MAX)
    }

    fn cut(&mut self, records: usize) -> io::Result<Option<Block>> {
        loop {
            self.fill()?;
            let (spans, used) = self.spans(records);
            let rest = Zeroizing::new(self.rest.get(used..).unwrap_or_default().to_vec());
            let text = std::mem::replace(&mut self.rest, rest);
            if !spans.is_empty() {
                return Ok(Some(Block { text, spans }));
            }
            if self.ended && self.rest.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Reads one more block's worth of text.
    fn fill(&mut self) -> io::Result<()> {
        let target = self.rest.len() + BLOCK;
        if self.ended || self.rest.len() > self.shape.limit + BLOCK {
            return Ok(());
        }
        // Growing in place would leave the old text behind.
        let mut text = Zeroizing::new(Vec::with_capacity(target));
        text.extend_from_slice(&self.rest);
        let read = (&mut self.reader).take(BLOCK as u64).read_to_end(&mut text)?;
        self.ended = read < BLOCK;
        self.rest = text;
        Ok(())
    }

    /// At most `records` records in the text at hand, and how much of it they take.
    fn spans(&mut self, records: usize) -> (Vec<Span>, usize) {
        let (mut spans, mut at) = (Vec::new(), 0);
        while at < self.rest.len() && spans.len() < records {
            let rest = &self.rest[at..];
            if self.skipping {
                let line = memchr(b'\n', rest);
                self.skipping = line.is_none();
                at += line.map_or(rest.len(), |line| line + 1);
                continue;
            }
            let Some(cut) = self.shape.cut(rest, self.ended) else { break };
            self.skipping = cut.next > rest.len();
            let (start, end) = (at, at + cut.end);
            at += cut.next.min(rest.len());
            if cut.form != Form::Plain || !is_blank(&self.rest[start..end]) {
                spans.push(Span { start, end, form: cut.form });
            }
        }
        (spans, at)
    }
}

/// The first record of a text.
struct Cut {
    end: usize,
    /// Where the next record begins; past the text where the line goes on without us.
    next: usize,
    form: Form,
}

impl Shape {
    /// The first record of a text, which is not empty; nothing if more text is needed to tell.
    fn cut(&self, text: &[u8], ended: bool) -> Option<Cut> {
        let line = match memchr(b'\n', text) {
            Some(line) => line,
            None if ended => text.len(),
            None if text.len() > self.limit => {
                let (next, form) = (text.len() + 1, Form::Bad(Unreadable::TooLong));
                return Some(Cut { end: 0, next, form });
            }
            None => return None,
        };
        let first = |form| Some(self.line(text, line, form));
        if line > self.limit {
            return first(Form::Bad(Unreadable::TooLong));
        }
        if memchr(b'"', &text[..line]).is_none() {
            return first(Form::Plain);
        }
        match self.scan(text, ended) {
            Scan::Record { end, proven } if end == line || (proven && end <= self.limit) => {
                Some(self.line(text, end, Form::Quoted))
            }
            Scan::Cut if !ended && text.len() <= self.limit => None,
            _ => first(Form::Bad(Unreadable::OpenQuote)),
        }
    }

    fn line(&self, text: &[u8], end: usize, form: Form) -> Cut {
        let trimmed = end - usize::from(text[..end].ends_with(b"\r"));
        Cut { end: trimmed, next: (end + 1).min(text.len()), form }
    }

    /// Finds the end of a record that has quotation marks.
    fn scan(&self, text: &[u8], ended: bool) -> Scan {
        let (mut at, mut fields, mut clean) = (0, 1, true);
        loop {
            if text.get(at) == Some(&b'"') {
                let Some(close) = closing_quote(text, at + 1) else { return Scan::Cut };
                at = close + 1;
                if at == text.len() && !ended {
                    return Scan::Cut; // the next one may double it
                }
                let tail = memchr2(self.delimiter, b'\n', &text[at..]).unwrap_or(text.len() - at);
                clean &= is_blank(&text[at..at + tail]);
            }
            match memchr2(self.delimiter, b'\n', &text[at..]) {
                Some(i) if text[at + i] == self.delimiter => {
                    at += i + 1;
                    fields += 1;
                }
                None if !ended => return Scan::Cut,
                line => {
                    let proven = clean && (self.fields == 0 || fields == self.fields);
                    return Scan::Record { end: line.map_or(text.len(), |i| at + i), proven };
                }
            }
        }
    }
}

enum Scan {
    /// A record, and whether it has the marks of being a whole one.
    Record { end: usize, proven: bool },
    /// The text ends first.
    Cut,
}

/// The quotation mark that closes a field; doubled ones do not.
fn closing_quote(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let quote = at + memchr(b'"', text.get(at..)?)?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|c| matches!(c, b' ' | b'\r'))
}

/// Text that is read at once: 1 MiB.
const BLOCK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, limit: usize) -> Vec<String> {
        let shape = Shape { delimiter: b',', fields: 2, limit };
        let mut splitter = Splitter::new(text.as_bytes(), shape);
        let mut all = Vec::new();
        while let Some(block) = splitter.next_block().unwrap() {
            all.extend(block.spans.iter().map(|span| match span.form {
                Form::Bad(reason) => format!("<{reason:?}>"),
                _ => String::from_utf8_lossy(&block.text[span.start..span.end]).into_owned(),
            }));
        }
        all
    }

    #[test]
    fn records_and_their_ends() {
        let cases: [(&str, &[&str]); 14] = [
            ("", &[]),
            ("\n\r\n  \n", &[]),
            ("a,b\nc,d", &["a,b", "c,d"]),
            ("a,b\r\n\r\nc,d\r\n", &["a,b", "c,d"]),
            ("\"a\nx\",b\nc,d\n", &["\"a\nx\",b", "c,d"]),
            ("\"a\"\"x\",b\n", &["\"a\"\"x\",b"]),
            ("a,\"b\r\nx\"\r\nc,d\n", &["a,\"b\r\nx\"", "c,d"]),
            ("\"a,b\nc,d\ne,f\n", &["<OpenQuote>", "c,d", "e,f"]),
            ("a,\"b\nc,\"d\"\ne,f\n", &["<OpenQuote>", "c,\"d\"", "e,f"]),
            ("a,\"b\nc,d\n\"e\",f\n", &["<OpenQuote>", "c,d", "\"e\",f"]),
            ("a,\"b\nc\",d,e\nf,g\n", &["<OpenQuote>", "c\",d,e", "f,g"]),
            ("a\"x,b\nc,d\n", &["a\"x,b", "c,d"]),
            ("\"a\"x,b\nc,d\n", &["\"a\"x,b", "c,d"]),
            ("a,\"b", &["<OpenQuote>"]),
        ];
        for (text, expected) in cases {
            assert_eq!(records(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn bounded() {
        let long = format!("a,b\n{},x\nc,d\n", "y".repeat(300));
        assert_eq!(records(&long, 100), ["a,b", "<TooLong>", "c,d"]);
        let huge = format!("a,b\n{},x\nc,d\n", "y".repeat(5 << 20));
        assert_eq!(records(&huge, 100), ["a,b", "<TooLong>", "c,d"]);
        let endless = format!("a,b\n{}", "y".repeat(5 << 20));
        assert_eq!(records(&endless, 100), ["a,b", "<TooLong>"]);
        let quoted = format!("a,\"b\n{}", "c,d\n".repeat(1000));
        assert_eq!(records(&quoted, 100).len(), 1001);
    }

    /// The same records, wherever the blocks are cut.
    #[test]
    fn blocks_do_not_show() {
        let row = "abc,\"d\n\"\"e\"\n\n\"f\",g\r\n";
        let text = row.repeat(2 * BLOCK / row.len());
        let all = records(&text, 1 << 20);
        assert_eq!(all.len(), 2 * (2 * BLOCK / row.len()));
        assert!(all.chunks(2).all(|r| r == ["abc,\"d\n\"\"e\"", "\"f\",g"]));
        let open = format!("x,\"y\n{text}");
        assert_eq!(records(&open, 1 << 20)[..2], ["<OpenQuote>", "abc,\"d\n\"\"e\""]);
    }
}
