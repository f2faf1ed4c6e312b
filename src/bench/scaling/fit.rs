//! Curves through a few points: least squares without negative terms.

/// `fixed + linear n + log_linear n log2 n`, each term at least 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Curve {
    /// What it costs without any element.
    pub fixed: f64,
    /// For each element.
    pub linear: f64,
    /// For each element and each doubling of the list.
    pub log_linear: f64,
}

/// Which terms a curve may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Fixed and linear.
    Linear,
    /// All three.
    LogLinear,
}

impl Curve {
    /// Its value for `n` elements.
    pub fn at(&self, n: f64) -> f64 {
        self.fixed + self.linear * n + self.log_linear * n * n.max(1.0).log2()
    }

    /// Fits points of elements and costs, all greater than 0. What is made small is the sum of squares
    /// of *relative* errors, so that small lists count as much as large ones; with at most three terms every
    /// choice of terms is tried, and the best without a negative one is taken. None where there are
    /// fewer points than terms, or none fits.
    pub fn fit(points: &[(f64, f64)], terms: Terms) -> Option<Curve> {
        let count = if terms == Terms::Linear { 2 } else { 3 };
        let usable = |(n, cost): &(f64, f64)| *n > 0.0 && *cost > 0.0 && cost.is_finite();
        if points.len() < count || !points.iter().all(usable) {
            return None;
        }
        let row = |(n, cost): &(f64, f64)| [1.0, *n, n * n.max(1.0).log2()].map(|term| term / cost);
        let rows: Vec<[f64; 3]> = points.iter().map(row).collect();
        let subsets = (1usize..1 << count).filter_map(|mask| {
            let chosen: Vec<usize> = (0..count).filter(|term| mask & (1 << term) != 0).collect();
            let solved = solve(&rows, &chosen)?;
            let mut terms = [0.0; 3];
            chosen.iter().zip(&solved).for_each(|(term, value)| terms[*term] = *value);
            let fine = solved.iter().all(|value| value.is_finite() && *value >= 0.0);
            fine.then(|| (error(&rows, &terms), terms))
        });
        let (_, [fixed, linear, log_linear]) = subsets.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some(Curve { fixed, linear, log_linear })
    }
}

/// Sum of squares of what the terms leave of 1.
fn error(rows: &[[f64; 3]], terms: &[f64; 3]) -> f64 {
    let left = |row: &[f64; 3]| 1.0 - row.iter().zip(terms).map(|(a, b)| a * b).sum::<f64>();
    rows.iter().map(|row| left(row).powi(2)).sum()
}

/// Least squares of the chosen columns against 1, by the normal equations of columns of length 1.
fn solve(rows: &[[f64; 3]], chosen: &[usize]) -> Option<Vec<f64>> {
    let length = |column: &usize| rows.iter().map(|row| row[*column].powi(2)).sum::<f64>().sqrt();
    let lengths: Vec<f64> = chosen.iter().map(length).collect();
    let of = |row: &[f64; 3], at: usize| row[chosen[at]] / lengths[at];
    let size = chosen.len();
    let mut matrix = vec![vec![0.0; size + 1]; size];
    for (at, line) in matrix.iter_mut().enumerate() {
        for (other, sum) in line.iter_mut().enumerate().take(size) {
            *sum = rows.iter().map(|row| of(row, at) * of(row, other)).sum();
        }
        line[size] = rows.iter().map(|row| of(row, at)).sum();
    }
    let solved = eliminate(matrix)?;
    Some(solved.iter().zip(&lengths).map(|(value, length)| value / length).collect())
}

/// Gauss's elimination, the greatest pivot first; none where lines depend on one another.
fn eliminate(mut matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = matrix.len();
    for column in 0..size {
        let largest =
            |a: &usize, b: &usize| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs());
        let pivot = (column..size).max_by(largest)?;
        matrix.swap(column, pivot);
        let line = matrix[column].clone();
        if line[column].abs() < 1e-13 {
            return None;
        }
        for other in (0..size).filter(|other| *other != column) {
            let times = matrix[other][column] / line[column];
            matrix[other].iter_mut().zip(&line).for_each(|(value, from)| *value -= times * from);
        }
    }
    Some((0..size).map(|at| matrix[at][size] / matrix[at][at]).collect())
}

/// The part of the work that more threads do not shorten, from threads and times, by Amdahl's law:
/// `time = one (serial + (1 - serial) / threads)`. None where there are not two numbers of threads.
pub fn serial_part(points: &[(f64, f64)]) -> Option<f64> {
    let least = points.iter().map(|(threads, _)| *threads).fold(f64::INFINITY, f64::min);
    if !points.iter().any(|(threads, _)| *threads > least) {
        return None;
    }
    // The law is a line over 1 / threads, whose end at no time at all is the serial part.
    let rows: Vec<[f64; 3]> =
        points.iter().map(|(threads, time)| [1.0 / time, 1.0 / threads / time, 0.0]).collect();
    let parts = solve(&rows, &[0, 1])?;
    Some((parts[0] / (parts[0] + parts[1])).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, planted: f64, part: f64) -> bool {
        (found - planted).abs() <= part * planted
    }

    #[test]
    fn planted_terms_are_found() {
        let planted = Curve { fixed: 0.01, linear: 2e-5, log_linear: 3e-7 };
        let points: Vec<(f64, f64)> =
            (10..20).map(|log| 2f64.powi(log)).map(|n| (n, planted.at(n))).collect();
        let found = Curve::fit(&points, Terms::LogLinear).unwrap();
        assert!(close(found.fixed, planted.fixed, 1e-6), "{found:?}");
        assert!(close(found.linear, planted.linear, 1e-6), "{found:?}");
        assert!(close(found.log_linear, planted.log_linear, 1e-6), "{found:?}");
    }

    #[test]
    fn terms_that_are_not_there_are_none_and_never_negative() {
        let points: Vec<(f64, f64)> =
            (10..20).map(|log| 2f64.powi(log)).map(|n| (n, 5e6 + 96.0 * n)).collect();
        let found = Curve::fit(&points, Terms::Linear).unwrap();
        assert!(close(found.fixed, 5e6, 1e-9) && close(found.linear, 96.0, 1e-9), "{found:?}");
        let shrinking = [(1.0, 3.0), (2.0, 2.0), (4.0, 1.0)];
        let found = Curve::fit(&shrinking, Terms::LogLinear).unwrap();
        assert!(found.linear == 0.0 && found.log_linear == 0.0 && found.fixed > 0.0, "{found:?}");
    }

    #[test]
    fn too_few_points_or_none_that_count_are_no_curve() {
        assert_eq!(Curve::fit(&[(1.0, 1.0)], Terms::Linear), None);
        assert_eq!(Curve::fit(&[(1.0, 0.0), (2.0, 1.0), (3.0, 1.0)], Terms::Linear), None);
        assert_eq!(Curve::fit(&[(1.0, f64::NAN), (2.0, 1.0)], Terms::Linear), None);
    }

    #[test]
    fn the_serial_part_is_found() {
        let law = |threads: f64| 3.0 * (0.04 + 0.96 / threads);
        let points = [1.0, 2.0, 8.0].map(|threads| (threads, law(threads)));
        assert!(close(serial_part(&points).unwrap(), 0.04, 1e-9));
        assert_eq!(serial_part(&points[..1]), None);
        assert_eq!(serial_part(&[(1.0, 3.0), (2.0, 1.2)]), Some(0.0)); // faster than the law allows
    }
}
