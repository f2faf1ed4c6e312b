//! People of a list: whose each identifier is, and what each person is worth.

use std::collections::HashMap;

use super::*;
use blindmatch::list::{People, Ranks};

/// The people of a list with these rows, and their amounts.
fn people(content: impl AsRef<[u8]>, person: Option<&str>) -> (Admitted, People, Vec<u64>) {
    let folder = Folder::new();
    of(&folder.write("list.csv", content), person)
}

fn of(path: &Path, person: Option<&str>) -> (Admitted, People, Vec<u64>) {
    let (source, list) = (open(path), read(path).unwrap());
    let people = match person {
        Some(column) => source.people(column, &list.list, Ranks::default()).unwrap(),
        None => People::by_row(&list.list, Ranks::default()).unwrap(),
    };
    let amounts = source.amounts_of_people("spent", &list.list, &people).unwrap();
    (list, people, amounts)
}

/// For each person its identifiers, as row (from 1) and column of where each stands first.
fn places(list: &Admitted, people: &People) -> Vec<Vec<(u32, u16)>> {
    let place = |element: &u32| {
        let at = list.list.occurrences(*element as usize)[0];
        (at.row + 1, at.column)
    };
    let of = |person| people.identifiers(person).iter().map(place).collect();
    (0..people.len()).map(of).collect()
}

const HEADER: &str = "id,phone,email,email_2,spent,purposes\n";

#[test]
fn by_row_or_by_key_from_dirty_rows() {
    let rows = format!(
        "{HEADER}\
        7,+12025550100,a@example.com,b@example.com,1,TargetedAdvertising\n\
        8,,,c@example.com,2,TargetedAdvertising\n\
         7 ,+12025550101,,,4,TargetedAdvertising\n\
        \"7\",,d@example.com,,8,TargetedAdvertising\n\
        8,+12025550100,,,16,TargetedAdvertising\n\
        ,,e@example.com,,32,TargetedAdvertising\n\
        NULL,,f@example.com,,64,TargetedAdvertising\n\
        7,,never@example.com,,128,AcademicResearch\n\
        7,,g@example.com,TargetedAdvertising\n\
        x,,e@example.com,B@example.com,256,TargetedAdvertising\n"
    );
    let (list, by_row, amounts) = people(&rows, None);
    let expected = [
        vec![(1, 1), (1, 2), (1, 0)],
        vec![(2, 2)],
        vec![(3, 0)],
        vec![(4, 1)],
        vec![(6, 1)],
        vec![(7, 1)],
    ];
    assert_eq!(places(&list, &by_row), expected);
    // Row 5 repeats the first one's number; row 10 an address of row 6 and then one of row 1.
    assert_eq!(amounts, [1 + 16, 2, 4, 8, 32 + 256, 64]);
    assert_eq!(by_row.shared(), 0);

    let (list, by_key, amounts) = people(&rows, Some("ID"));
    let expected =
        [vec![(1, 1), (4, 1), (1, 2), (1, 0), (3, 0)], vec![(2, 2)], vec![(6, 1)], vec![(7, 1)]];
    assert_eq!(places(&list, &by_key), expected);
    assert_eq!(amounts, [1 + 4 + 8, 2 + 16, 32 + 256, 64]);
    assert_eq!(by_key.shared(), 1, "8 has the number of 7");
    assert_eq!(format!("{by_key:?}"), "People(4 of 8 identifiers)");
}

/// Against the obvious way, with more people than rows' identifiers keep apart.
#[test]
fn random_rows() {
    let mut random = Random(11);
    for _ in 0..60 {
        let mut rows = Vec::new();
        for _ in 0..1 + random.below(120) {
            let phone = random.pick(&["", "", "+12025550100", "+12025550101", "+12025550102"]);
            let email = format!("{}@example.com", random.below(60));
            let email_2 = random.pick(&["", "x@example.com", "y@example.com", "-"]);
            let id = random.below(40).to_string();
            let spent = random.below(100).to_string();
            let purpose = random.pick(&[ADS, ADS, "nothing"]);
            rows.push([&id[..], phone, &email, email_2, &spent, purpose].map(str::to_owned));
        }
        let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        for by_key in [false, true] {
            let (list, people, amounts) = people(format!("{HEADER}{text}"), by_key.then_some("id"));
            check(&rows, by_key, &list, &people, &amounts);
        }
    }
}

/// Compares with maps from identifier to person and from person to amount.
fn check(rows: &[[String; 6]], by_key: bool, list: &Admitted, people: &People, amounts: &[u64]) {
    let key = |row: usize| if by_key { rows[row][0].clone() } else { row.to_string() };
    // Kind, column and text, the best first; a purpose of nothing is a no for its own row alone.
    let admitted = |row: usize| -> Vec<&str> {
        let cells = [2, 3, 1].map(|cell| rows[row][cell].as_str());
        let given = cells.into_iter().filter(|cell| cell.len() > 1);
        if rows[row][5] == ADS { given.collect() } else { Vec::new() }
    };
    let mut owner = HashMap::new();
    let mut worth: HashMap<String, u64> = HashMap::new();
    for row in 0..rows.len() {
        for cell in admitted(row) {
            owner.entry(cell).or_insert_with(|| key(row));
        }
    }
    let owners: std::collections::HashSet<_> = owner.values().cloned().collect();
    for row in 0..rows.len() {
        let Some(best) = admitted(row).first().copied() else { continue };
        let person = if owners.contains(&key(row)) { key(row) } else { owner[best].clone() };
        *worth.entry(person).or_default() += rows[row][4].parse::<u64>().unwrap();
    }
    assert_eq!(people.len(), owners.len());
    assert_eq!(list.list.len(), owner.len());
    for (person, amount) in amounts.iter().enumerate() {
        let first = people.identifiers(person)[0];
        let whose = key(list.list.occurrences(first as usize)[0].row as usize);
        assert_eq!(*amount, worth[&whose], "{whose}");
        for element in people.identifiers(person) {
            let at = list.list.occurrences(*element as usize)[0];
            let cell = rows[at.row as usize][1 + usize::from(at.column)].as_str();
            assert_eq!(owner[cell], whose);
            assert_eq!(people.owner(*element), Some(person as u32));
        }
    }
}

#[test]
fn what_people_cannot_be_told_by_is_refused() {
    let folder = Folder::new();
    let rows = "1,,a@example.com,,5,TargetedAdvertising\n1,,b@example.com,,x,TargetedAdvertising\n";
    let path = folder.write("list.csv", format!("{HEADER}{rows}"));
    let (source, list) = (open(&path), read(&path).unwrap());
    let refused = |column| {
        let people = source.people(column, &list.list, Ranks::default());
        people.unwrap_err().to_string()
    };
    assert!(refused("email").contains("holds identifiers"));
    assert!(refused("purposes").contains("what is on record of consent"));
    assert!(refused("nobody").contains("has no column `nobody` of its own data"));
    let people = source.people("id", &list.list, Ranks::default()).unwrap();
    let amounts = source.amounts_of_people("spent", &list.list, &people).unwrap_err().to_string();
    assert!(amounts.contains("row 2: column `spent`"), "{amounts}");

    let big = rows.replace(",5,", ",18446744073709551615,").replace(",x,", ",1,");
    let path = folder.write("big.csv", format!("{HEADER}{big}"));
    let (source, list) = (open(&path), read(&path).unwrap());
    let people = source.people("id", &list.list, Ranks::default()).unwrap();
    let amounts = source.amounts_of_people("spent", &list.list, &people).unwrap_err().to_string();
    assert!(amounts.contains("row 2") && amounts.contains("2^64"), "{amounts}");

    fs::write(&path, format!("{HEADER}{rows}{rows}")).unwrap();
    let changed = source.people("id", &list.list, Ranks::default()).unwrap_err().to_string();
    assert!(changed.contains("changed since it was read"), "{changed}");
}

/// One row a person, whose label is that of the identifier it is matched by.
#[test]
fn matches_of_people_stand_in_one_row_each() {
    let rows = format!(
        "{HEADER}\
        1,+12025550100,a@example.com,b@example.com,1,TargetedAdvertising\n\
        1,,c@example.com,,2,TargetedAdvertising\n\
        2,+12025550100,,,4,TargetedAdvertising\n\
        3,+12025550101,,,4,TargetedAdvertising\n"
    );
    let folder = Folder::new();
    let path = folder.write("list.csv", rows);
    let (list, people, _) = of(&path, Some("id"));
    let every: Vec<u32> = (0..list.list.len() as u32).collect();
    let best = all(&list).of_people(&list.list, &people, &every);
    let at = |matches: &Matches| matches.iter().map(|at| (at.row, at.column)).collect::<Vec<_>>();
    assert_eq!(at(&best), [(0, 1), (3, 0)]);
    // Without any of the addresses in column 1 and 2.
    let phones: Vec<u32> = every
        .iter()
        .copied()
        .filter(|&element| list.list.occurrences(element as usize)[0].column == 0)
        .collect();
    let labels = phones.iter().map(|&element| (element as usize, format!("label {element}")));
    let matches = Matches::with_labels(&list.list, labels);
    assert_eq!(matches.rows(), 3);
    let best = matches.of_people(&list.list, &people, &phones);
    assert_eq!(at(&best), [(0, 0), (3, 0)]);
    let out = folder.path("out.csv");
    open(&path).write_matches(&best, &Output::file(&out)).unwrap();
    let text = fs::read_to_string(out).unwrap();
    let label = |line: &str| line.rsplit(',').next().unwrap().to_owned();
    let labels: Vec<String> = text.lines().skip(1).map(label).collect();
    let expected: Vec<String> = [(0, 0), (3, 0)]
        .iter()
        .map(|&(row, column)| {
            let of = |element: &&u32| {
                let at = list.list.occurrences(**element as usize)[0];
                (at.row, at.column) == (row, column)
            };
            format!("label {}", phones.iter().find(of).unwrap())
        })
        .collect();
    assert_eq!(labels, expected, "{text}");
}
