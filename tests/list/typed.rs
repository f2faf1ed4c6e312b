//! Parquet lists with columns of any type.

use std::sync::Arc;

use super::*;
use ::parquet::arrow::ArrowWriter;
use arrow_array::*;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Two people, with these columns.
pub fn people(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let emails = StringArray::from(vec!["a@example.com", "b@example.com"]);
    let purposes = StringArray::from(vec![ADS, ADS]);
    let own: [(&str, ArrayRef); 2] =
        [("email", Arc::new(emails)), ("purposes", Arc::new(purposes))];
    write(path, own.into_iter().chain(columns).collect());
}

#[test]
fn a_no_in_bytes_that_are_not_text_is_not_overlooked() {
    let folder = Folder::new();
    let path = folder.path("list.parquet");
    let opted_out: ArrayRef = Arc::new(BinaryArray::from(vec![b"no".as_slice(), b"\xff"]));
    people(&path, vec![("opt_out", opted_out)]);
    let list = read(&path).unwrap();
    assert_eq!(counts(&list), (1, BTreeMap::from([("unreadable_consent", 1)])));
}

#[test]
fn instants_of_any_time_zone_are_read() {
    let folder = Folder::new();
    let path = folder.path("list.parquet");
    let until = |zone: &str| -> ArrayRef {
        let array =
            TimestampMicrosecondArray::from(vec![1_714_564_800_000_000, 4_102_444_800_000_000]);
        Arc::new(array.with_timezone(zone))
    };
    for zone in ["UTC", "Europe/Berlin", "+02:00"] {
        people(&path, vec![("expires_at", until(zone))]);
        assert_eq!(counts(&read(&path).unwrap()), (1, BTreeMap::from([("expired", 1)])));
    }
}
