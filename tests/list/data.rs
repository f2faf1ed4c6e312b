//! Labels and amounts of entries, and matched rows with labels.

use super::*;
use blindmatch::list::Texts;

const MOST: usize = 1024;

/// For each entry, the rows (from 1) in which it was admitted, and what it has; in order of rows.
fn by_rows<T>(list: &Admitted, each: impl IntoIterator<Item = T>) -> Vec<(Vec<u32>, T)> {
    let rows = |entry| {
        let mut rows: Vec<u32> = list.list.occurrences(entry).iter().map(|at| at.row + 1).collect();
        rows.dedup();
        rows
    };
    let mut all: Vec<_> = each.into_iter().enumerate().map(|(i, t)| (i, rows(i), t)).collect();
    assert_eq!(all.len(), list.list.len());
    all.sort_by_key(|(entry, rows, _)| {
        (rows.clone(), list.list.occurrences(*entry).first().map(|at| at.column))
    });
    all.into_iter().map(|(_, rows, t)| (rows, t)).collect()
}

fn labels(path: &Path, column: &str) -> Vec<(Vec<u32>, String)> {
    let (source, list) = (open(path), read(path).unwrap());
    let labels: Texts = source.labels(column, &list.list, MOST).unwrap();
    by_rows(&list, labels.iter().map(str::to_owned))
}

/// The error of labels or amounts from a list with these rows.
fn refused(content: impl AsRef<[u8]>, column: &str, most: usize) -> (String, String) {
    let folder = Folder::new();
    let path = folder.write("list.csv", content);
    let (source, list) = (open(&path), read(&path).unwrap());
    let labels = source.labels(column, &list.list, most).err();
    let amounts = source.amounts(column, &list.list).err();
    let text = |error: Option<Error>| error.map(|e| e.to_string()).unwrap_or_default();
    (text(labels), text(amounts))
}

/// Every kind of row. What begins with `never` stands where nothing was admitted.
fn dirty() -> Vec<u8> {
    let text = "id,email,email_2,phone,Segment Name,purposes\n\
        1,a@example.com,,+12025550100,gold,TargetedAdvertising\r\n\
        2,A@example.com,,,silver,TargetedAdvertising\n\
        \n\
        3,a@EXAMPLE.com,,, gold ,TargetedAdvertising\n\
        4,b@example.com,,,\" x, \"\"y\"\"\nz\",TargetedAdvertising\n\
        5,c@example.com,d@example.com,+12025550101,=1+1,TargetedAdvertising\n\
        6,e@example.com,E@example.com,,\u{e9},TargetedAdvertising\n\
        7,f@example.com,,,never,AcademicResearch\n\
        8,a@example.com,,,never,AcademicResearch\n\
        9,g@example.com,,never,TargetedAdvertising\n\
        10,h@example.com,,,  ,TargetedAdvertising\n\
        11,\"i@example.com,,,never,TargetedAdvertising\n\
        12,nobody,,,never,TargetedAdvertising\n";
    let latin = b"13,j@example.com,,,never \xe9,AcademicResearch\n";
    [text.as_bytes(), latin, b"14,k@example.com,,,NULL,TargetedAdvertising"].concat()
}

fn expected() -> Vec<(Vec<u32>, String)> {
    let each: [(&[u32], &str); 9] = [
        (&[1], "gold"),
        (&[1, 2, 3], "gold; silver"),
        (&[4], "x, \"y\"\nz"),
        (&[5], "=1+1"),
        (&[5], "=1+1"),
        (&[5], "=1+1"),
        (&[6], "\u{e9}"),
        (&[10], ""),
        (&[14], "NULL"),
    ];
    each.map(|(rows, label)| (rows.to_vec(), label.to_owned())).into()
}

#[test]
fn labels_of_dirty_rows_however_compressed() {
    let folder = Folder::new();
    let plain = folder.write("list.csv", dirty());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&dirty()).unwrap();
    let gzip = folder.write("list.csv.gz", gzip.finish().unwrap());
    let zstd = folder.write("list.csv.zst", zstd::stream::encode_all(&dirty()[..], 1).unwrap());
    for path in [plain, gzip, zstd] {
        for name in ["Segment Name", "segment_name", " SEGMENT-NAME "] {
            assert_eq!(labels(&path, name), expected(), "{name}");
        }
    }
}

#[test]
fn labels_across_blocks() {
    let mut content = String::from("email,note,purposes\n");
    let row = |n: usize| format!("{n} {}", "x".repeat(n % 97));
    for n in 0..60_000 {
        let purpose = if n % 3 == 0 { "nothing" } else { ADS };
        content.push_str(&format!("u{}@example.com,{},{purpose}\n", n % 50_000, row(n)));
    }
    assert!(content.len() > 3 << 20);
    let folder = Folder::new();
    for (rows, label) in labels(&folder.write("list.csv", content), "note") {
        let rows: Vec<String> = rows.iter().map(|n| row(*n as usize - 1)).collect();
        let rows: Vec<&str> = rows.iter().map(|text| text.trim()).collect();
        assert_eq!(label, rows.join("; "));
    }
}

/// Against the obvious way: every row by itself.
#[test]
fn labels_of_random_rows() {
    let mut random = Random(7);
    for _ in 0..50 {
        let mut rows = Vec::new();
        for _ in 0..1 + random.below(200) {
            let email = random.pick(&["a@example.com", "B@example.com", "c@example.com", "-", ""]);
            let other = random.pick(&["", "b@example.com", "d@example.com", "x"]);
            let label = random.pick(&["", "x", "y", " x", "a;b", "l\nm", "\"", "z; x"]);
            rows.push([email, other, label, random.pick(&[ADS, "nothing", ""])]);
        }
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["email", "email_2", "label", "purposes"]).unwrap();
        rows.iter().for_each(|row| csv.write_record(row).unwrap());
        let folder = Folder::new();
        let path = folder.write("list.csv", csv.into_inner().unwrap());
        for (places, label) in labels(&path, "label") {
            let mut texts: Vec<&str> = Vec::new();
            for row in places {
                let text = rows[row as usize - 1][2].trim();
                if !text.is_empty() && !texts.contains(&text) {
                    texts.push(text);
                }
            }
            assert_eq!(label, texts.join("; "));
        }
    }
}

#[test]
fn columns_that_cannot_be_read() {
    let wide = format!("id,Email,tier,purposes,phone_opt_out\n1,a@example.com,gold,{ADS},\n");
    let long = format!("Kind,Value,tier,purposes\nemail,a@example.com,gold,{ADS}\n");
    let bare = format!("email,purposes\na@example.com,{ADS}\n");
    let signs = format!("email,#,#,purposes\na@example.com,1,2,{ADS}\n");
    let choice = "name one of `id`, `tier`";
    for (content, column, parts) in [
        (&wide, "segment", ["has no column `segment`", choice]),
        (&wide, "", ["has no column ``", choice]),
        (&wide, "\u{1b}[2J", ["has no column `?[2J`", choice]),
        (&wide, "e-mail", ["column `e-mail` holds identifiers", choice]),
        (&wide, "PURPOSES", ["holds what is on record of consent", choice]),
        (&wide, "phone_opt_out", ["holds what is on record of consent", choice]),
        (&long, "value", ["holds identifiers", "name one of `tier`"]),
        (&long, "kind", ["holds identifiers", "name one of `tier`"]),
        (&bare, "tier", ["has no column `tier`", "has no column but those of identifiers"]),
        (&signs, "#", ["has columns 2 and 3 of the name `#`", "rename one"]),
    ] {
        let (labels, amounts) = refused(content, column, MOST);
        assert_eq!(labels, amounts);
        assert!(labels.starts_with("list.csv"), "{labels}");
        assert!(parts.iter().all(|part| labels.contains(part)), "{labels}");
    }
}

#[test]
fn a_list_that_is_read_once_or_changed_has_no_labels() {
    let folder = Folder::new();
    let path = folder.write("list.csv", TABLE);
    let (source, list) = (open(&path), read(&path).unwrap().list);
    let stdin = Source::open("-", Options::default()).unwrap();
    for error in [stdin.labels("note", &list, MOST).err(), stdin.amounts("id", &list).err()] {
        assert!(matches!(&error, Some(Error::Misuse(text)) if text.contains("read twice")));
    }
    fs::write(&path, TABLE.replace("01,", "0001,")).unwrap();
    for error in [source.labels("note", &list, MOST).err(), source.amounts("id", &list).err()] {
        assert!(error.as_ref().unwrap().to_string().contains("changed"), "{error:?}");
    }
    // As if the change did not show: what is gone is missed.
    fs::write(&path, TABLE.lines().take(2).collect::<Vec<_>>().join("\n") + "\nz\",,x\n").unwrap();
    let error = open(&path).amounts("id", &list).unwrap_err().to_string();
    assert!(error.contains("shorter") && error.starts_with("list.csv"), "{error}");
}

#[test]
fn texts_that_are_no_labels() {
    let list = |label: &str| {
        format!("email,note,purposes\nz@example.com,x,{ADS}\na@example.com,{label},{ADS}\n")
    };
    let digest = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";
    for text in [" Secret@example.com", "+1 202 555 0100", digest, &digest.to_uppercase()] {
        let (error, _) = refused(list(text), "note", MOST);
        assert!(
            error.starts_with("list.csv: row 2: column `note`: holds an identifier"),
            "{error}"
        );
        assert!(!error.contains(text.trim()), "{error}");
    }
    for text in ["@secret", "+1 point", "12025550100", "a @ b", "x@", &digest[1..]] {
        assert_eq!(refused(list(text), "note", MOST).0, "", "{text}");
    }
    let latin =
        [b"email,note,purposes\na@example.com,K\xf6ln,".as_slice(), ADS.as_bytes()].concat();
    let (error, _) = refused(latin, "note", MOST);
    assert!(error.starts_with("list.csv: row 1: column `note`: not UTF-8"), "{error}");
}

#[test]
fn labels_are_bounded_by_text_and_joined() {
    let one = |text: &str| format!("email,note,purposes\na@example.com,{text},{ADS}\n");
    assert_eq!(refused(one("  secret "), "note", 6).0, "");
    let (error, _) = refused(one("secrets"), "note", 6);
    assert!(
        error.contains("row 1: column `note`: makes a label of 7 bytes, more than 6"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    let two = format!("{}x@example.com,y,{ADS}\nA@example.com,\u{e9},{ADS}\n", one("abc"));
    assert_eq!(refused(&two, "note", 7).0, "");
    let (error, _) = refused(&two, "note", 6);
    assert!(error.contains("row 3: column `note`: makes a label of 7 bytes"), "{error}");
}

#[test]
fn amounts_of_entries() {
    let folder = Folder::new();
    let path = folder.write(
        "list.csv",
        format!(
            "email,email_2,phone,Order Value,purposes\n\
             a@example.com,,,1299,{ADS}\n\
             A@example.com,a@example.com,,1,{ADS}\n\
             b@example.com,c@example.com,+12025550100,5,{ADS}\n\
             a@example.com,,,100000,nothing\n\
             d@example.com,,,,{ADS}\n\
             e@example.com,,,NULL,{ADS}\n\
             f@example.com,,,12.50,nothing\n\
             g@example.com,,,\"18446744073709551615\",{ADS}\n"
        ),
    );
    let list = read(&path).unwrap();
    let amounts = open(&path).amounts("order_value", &list.list).unwrap();
    let expected: [(&[u32], u64); 7] =
        [(&[1, 2], 1300), (&[3], 5), (&[3], 5), (&[3], 5), (&[5], 0), (&[6], 0), (&[8], u64::MAX)];
    let expected: Vec<_> = expected.iter().map(|(rows, sum)| (rows.to_vec(), *sum)).collect();
    assert_eq!(by_rows(&list, amounts), expected);
}

#[test]
fn cells_that_are_no_amounts() {
    let list = |last: &str| {
        let most = u64::MAX;
        let first = format!("a@example.com,{most},{ADS}\nb@example.com,0,{ADS}");
        format!("email,spend,purposes\n{first}\n{last},{ADS}\n")
    };
    for (cells, problem) in [
        ("c@example.com,-977", "is negative"),
        ("c@example.com,977.50", "smallest unit"),
        ("c@example.com,\"977,50\"", "smallest unit"),
        ("c@example.com,977 EUR", "smallest unit"),
        ("c@example.com,97777777777777777777777", "2^64"),
        ("A@example.com,1", "2^64"),
    ] {
        let (_, error) = refused(list(cells), "spend", MOST);
        assert!(error.starts_with("list.csv: row 3: column `spend`: "), "{error}");
        assert!(error.contains(problem) && !error.contains("977"), "{error}");
    }
    assert_eq!(refused(list("A@example.com,0"), "spend", MOST).1, "");
}

/// The labels `1` to `n` of the entries of a list, in order of rows and columns.
fn numbered(list: &Admitted) -> Matches {
    let mut entries: Vec<usize> = (0..list.list.len()).collect();
    entries.sort_by_key(|entry| list.list.occurrences(*entry).to_vec());
    let label = |(n, entry)| (entry, format!("{}", n + 1));
    Matches::with_labels(&list.list, entries.into_iter().enumerate().map(label))
}

fn written(source: &Source, matches: &Matches, to: &Path) -> String {
    source.write_matches(matches, &Output::file(to)).unwrap();
    fs::read_to_string(to).unwrap()
}

#[test]
fn matched_rows_with_labels() {
    let folder = Folder::new();
    let path = folder.write(
        "list.csv",
        format!(
            "email,Matched-Label,email_2,phone,purposes\n\
             a@example.com,old,b@example.com,+12025550100,{ADS}\n\
             A@example.com,old,a@example.com,,{ADS}\n\
             b@example.com,old,A@example.com,,{ADS}\n\
             c@example.com,old,,,{ADS}\n\
             d@example.com,old,,,nothing\n"
        ),
    );
    let (source, list) = (open(&path), read(&path).unwrap());
    let matches = numbered(&list);
    assert!(matches.is_labelled() && (matches.rows(), matches.len()) == (4, 8));
    let expected = format!(
        "email,email_2,phone,purposes,matched_on,matched_label\n\
         a@example.com,b@example.com,+12025550100,{ADS},email;email_2;phone,1; 2; 3\n\
         A@example.com,a@example.com,,{ADS},email;email_2,1\n\
         b@example.com,A@example.com,,{ADS},email;email_2,2; 1\n\
         c@example.com,,,{ADS},email,4\n"
    );
    let out = folder.path("out.csv");
    assert_eq!(written(&source, &matches, &out), expected);
    // Once more from its own output: both columns are replaced.
    let again = read(&out).unwrap();
    assert_eq!(written(&open(&out), &numbered(&again), &folder.path("twice.csv")), expected);
    // Without labels the old ones are the list's own data.
    let plain = written(&source, &all(&list), &folder.path("plain.csv"));
    assert!(
        plain.starts_with("email,Matched-Label,email_2,phone,purposes,matched_on\n"),
        "{plain}"
    );
    assert!(plain.contains(&format!("a@example.com,old,b@example.com,+12025550100,{ADS},email;")));
    // Withheld: a header and no rows.
    let none = Matches::with_labels::<&str>(&list.list, []);
    let header = expected.lines().next().unwrap().to_owned() + "\n";
    assert_eq!(written(&source, &none, &folder.path("none.csv")), header);
}

#[test]
fn labels_are_written_as_they_are() {
    let folder = Folder::new();
    let path = folder
        .write("list.csv", format!("email,phone,purposes\na@example.com,+12025550100,{ADS}\n"));
    let (source, list) = (open(&path), read(&path).unwrap());
    let with = |labels: [&str; 2]| {
        let mut entries = [0, 1];
        entries.sort_by_key(|entry| list.list.occurrences(*entry)[0].column);
        let matches = Matches::with_labels(&list.list, entries.into_iter().zip(labels));
        let text = written(&source, &matches, &folder.path("out.csv"));
        text.split_once(&format!("{ADS},email;phone,")).unwrap().1.to_owned()
    };
    assert_eq!(with(["=1+1", "@x"]), "=1+1; @x\n");
    assert_eq!(with(["=HYPERLINK(\"a,b\")", ""]), "\"=HYPERLINK(\"\"a,b\"\")\"\n");
    assert_eq!(with(["two\nlines", "two\nlines"]), "\"two\nlines\"\n");
    assert_eq!(with(["", "b"]), "b\n");
    assert_eq!(with(["", ""]), "\n");
    let twice = Matches::with_labels(&list.list, [(0, "first"), (0, "second")]);
    assert_eq!(twice, Matches::with_labels(&list.list, [(0, "first"), (0, "second")]));
    assert!(!format!("{twice:?}").contains("first"), "labels are not shown");
    let text = written(&source, &twice, &folder.path("out.csv"));
    assert!(text.contains("first") && !text.contains("second"), "{text}");
    let beyond = Matches::with_labels(&list.list, [(9, "x")]);
    assert!(beyond.is_empty() && beyond.is_labelled());
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::super::typed::people;
    use super::*;
    use std::sync::Arc;

    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::types::Int32Type;
    use arrow_array::*;

    #[test]
    fn typed_columns_read_as_in_csv() {
        let folder = Folder::new();
        let path = folder.path("list.parquet");
        let second = 1_714_564_800;
        let decimal = Decimal128Array::from(vec![Some(1250), None]).with_precision_and_scale(9, 2);
        let dictionary: DictionaryArray<Int32Type> = ["gold", "silver"].into_iter().collect();
        let columns: Vec<(&str, ArrayRef, [&str; 2])> = vec![
            ("integer", Arc::new(Int64Array::from(vec![Some(-7), None])), ["-7", ""]),
            ("float", Arc::new(Float64Array::from(vec![12.5, 12.0])), ["12.5", "12.0"]),
            ("flag", Arc::new(BooleanArray::from(vec![true, false])), ["true", "false"]),
            ("day", Arc::new(Date32Array::from(vec![Some(19_844), None])), ["2024-05-01", ""]),
            (
                "instant",
                Arc::new(TimestampSecondArray::from(vec![second, 0]).with_timezone("UTC")),
                ["2024-05-01T12:00:00Z", "1970-01-01T00:00:00Z"],
            ),
            ("decimal", Arc::new(decimal.unwrap()), ["12.50", ""]),
            ("word", Arc::new(dictionary), ["gold", "silver"]),
            (
                "text",
                Arc::new(LargeStringArray::from(vec![" \u{e9} ", "x\ny"])),
                ["\u{e9}", "x\ny"],
            ),
            ("bytes", Arc::new(BinaryArray::from(vec![b"a".as_slice(), b""])), ["a", ""]),
        ];
        people(&path, columns.iter().map(|(name, array, _)| (*name, Arc::clone(array))).collect());
        for (name, _, expected) in columns {
            let labels: Vec<String> = labels(&path, name).into_iter().map(|l| l.1).collect();
            assert_eq!(labels, expected, "{name}");
        }
    }

    #[test]
    fn amounts_and_bytes() {
        let folder = Folder::new();
        let path = folder.path("list.parquet");
        let amounts: ArrayRef = Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]));
        let below: ArrayRef = Arc::new(Int32Array::from(vec![0, -1]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 1.0]));
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"a".as_slice(), b"K\xf6ln"]));
        people(&path, vec![("a", amounts), ("b", below), ("c", floats), ("d", bytes)]);
        let (source, list) = (open(&path), read(&path).unwrap());
        let sums = source.amounts("a", &list.list).unwrap();
        assert_eq!(by_rows(&list, sums), [(vec![1], u64::MAX), (vec![2], 0)]);
        let error = |column| source.amounts(column, &list.list).unwrap_err().to_string();
        assert!(error("b").contains("row 2: column `b`: is negative"), "{}", error("b"));
        assert!(error("c").contains("row 1: column `c`: is no whole number"), "{}", error("c"));
        let error = source.labels("d", &list.list, MOST).unwrap_err().to_string();
        assert!(error.contains("row 2: column `d`: not UTF-8"), "{error}");
    }

    #[test]
    fn labels_from_and_into_parquet() {
        let folder = Folder::new();
        let csv = folder.write("list.csv", TABLE);
        let (source, list) = (open(&csv), read(&csv).unwrap());
        // From CSV, all strings; then from Parquet, and with both columns replaced.
        let first = folder.path("first.parquet");
        source.write_matches(&numbered(&list), &Output::file(&first)).unwrap();
        let (source, list) = (open(&first), read(&first).unwrap());
        let all: Vec<String> = labels(&first, "note").into_iter().map(|l| l.1).collect();
        assert_eq!(all, ["x, \"y\"\nz", "x, \"y\"\nz", "\u{e9}"]);
        let second = folder.path("second.parquet");
        assert_eq!(source.write_matches(&numbered(&list), &Output::file(&second)).unwrap(), 2);
        for path in [&first, &second] {
            let file = fs::File::open(path).unwrap();
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let batch = builder.build().unwrap().next().unwrap().unwrap();
            let schema = batch.schema();
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let own = ["id", "email", "note", "phone", "purposes", "matched_on", "matched_label"];
            assert_eq!(names, own);
            let cells = |name: &str| {
                let column = batch.column_by_name(name).unwrap();
                let column = column.as_any().downcast_ref::<StringArray>().unwrap();
                column.iter().map(|cell| cell.unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(cells("matched_on"), ["email;phone", "phone"]);
            assert_eq!(cells("matched_label"), ["1; 2", "3"]);
        }
        let back = written(&source, &numbered(&list), &folder.path("back.csv"));
        assert!(back.ends_with("03,,\u{e9},+12025550101,TargetedAdvertising,phone,3\n"), "{back}");
    }

    #[test]
    fn only_the_column_is_read() {
        let folder = Folder::new();
        let path = folder.path("list.parquet");
        let odd: ArrayRef =
            Arc::new(FixedSizeBinaryArray::try_from(vec![&[1u8, 2][..], &[3, 4]]).unwrap());
        let tier: ArrayRef = Arc::new(StringArray::from(vec!["gold", "silver"]));
        people(&path, vec![("odd", odd), ("tier", tier)]);
        let texts: Vec<String> = labels(&path, "tier").into_iter().map(|l| l.1).collect();
        assert_eq!(texts, ["gold", "silver"]);
        let list = read(&path).unwrap();
        let error = open(&path).labels("odd", &list.list, MOST).unwrap_err().to_string();
        assert!(error.contains("column 3 holds") && error.contains("no text"), "{error}");
    }
}

/// The amount of a row goes to its leftmost entry that was admitted, and to no other.
#[test]
fn amounts_once_count_each_row_for_one_entry() {
    let folder = Folder::new();
    let text = "email,email_2,phone,cents,purposes\n\
        a@example.com,b@example.com,+12025550100,5,TargetedAdvertising\n\
        a@example.com,,,7,TargetedAdvertising\n\
        ,b@example.com,+12025550100,11,TargetedAdvertising\n\
        b@example.com,a@example.com,,13,TargetedAdvertising\n\
        A@example.com,a@example.com,,17,TargetedAdvertising\n\
        ,,+12025550100,19,TargetedAdvertising\n\
        nobody,,+12025550101,23,TargetedAdvertising\n";
    let path = folder.write("list.csv", text);
    let (source, list) = (open(&path), read(&path).unwrap());
    let once = source.amounts_once("cents", &list.list).unwrap();
    assert_eq!(once.iter().sum::<u64>(), 5 + 7 + 11 + 13 + 17 + 19 + 23);
    let by_rows = by_rows(&list, once);
    let expected: [(&[u32], u64); 4] =
        [(&[1, 2, 4, 5], 5 + 7 + 17), (&[1, 3, 4], 11 + 13), (&[1, 3, 6], 19), (&[7], 23)];
    assert_eq!(by_rows, expected.map(|(rows, amount)| (rows.to_vec(), amount)));
    let each = source.amounts("cents", &list.list).unwrap();
    assert_eq!(each.iter().sum::<u64>(), 42 + 29 + 35 + 23);
    assert!(source.amounts_once("email", &list.list).is_err());
}
