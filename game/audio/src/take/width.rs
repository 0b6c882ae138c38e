//! One channel or two.

use crate::limits::MONO_DB;

/// The channels of a recording: one, if two say nearly the same.
pub(crate) fn narrowed(channels: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let [left, right] = channels else { return channels.to_vec() };
    let energy = |sign: f32| left.iter().zip(right).map(|(l, r)| f64::from(l + sign * r).powi(2)).sum::<f64>();
    if energy(-1.0) > energy(1.0) * 10.0_f64.powf(MONO_DB / 10.0) {
        return channels.to_vec();
    }
    vec![left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    #[test]
    fn nearly_the_same_twice_is_mono_and_the_rest_stays() {
        let left: Vec<f32> = (0..1_000).map(|i| (i as f32 * 0.1).sin()).collect();
        let nearly: Vec<f32> = left.iter().map(|x| x * 1.000_5).collect();
        let other: Vec<f32> = left.iter().map(|x| x * 0.9).collect();
        let silent = vec![0.0; 1_000];
        assert_eq!(narrowed(&[left.clone(), nearly]).len(), 1);
        assert_eq!(narrowed(&vec![left.clone(); 2]), vec![left.clone(); 1]);
        assert_eq!(narrowed(&vec![silent.clone(); 2]), vec![silent.clone(); 1]);
        assert_eq!(narrowed(from_ref(&left)), vec![left.clone(); 1]);
        let inverted: Vec<f32> = left.iter().map(|x| -x).collect();
        for right in [other, silent, inverted] {
            assert_eq!(narrowed(&[left.clone(), right.clone()]), [left.clone(), right]);
        }
    }
}
