//! Short raised-cosine fades, so that no voice begins or ends with a click.

/// Where a fade stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Rising, so many frames of `total` done.
    In { done: u32, total: u32 },
    /// Fully there.
    On,
    /// Falling from `from`, so many frames of `total` done.
    Out { done: u32, total: u32, from: f32 },
    /// Gone.
    Off,
}

/// A gain that rises at a voice's beginning and falls at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declick {
    state: State,
}

impl Declick {
    /// Begins to rise, over `frames`. The first frame is already above silence.
    pub fn fade_in(frames: u32) -> Self {
        Self { state: State::In { done: 0, total: frames } }
    }

    /// Begins to fall from wherever it stands, over `frames`. Falling already, it goes on as it was.
    pub fn fade_out(&mut self, frames: u32) {
        let from = match self.state {
            State::In { done, total } => rise(done, total),
            State::On => 1.0,
            State::Out { .. } | State::Off => return,
        };
        self.state = State::Out { done: 0, total: frames, from };
    }

    /// Whether it has fallen, or falls.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Out { .. } | State::Off)
    }

    /// Whether nothing is heard any more.
    pub fn is_off(&self) -> bool {
        self.state == State::Off
    }

    /// Whether it is fully there, so that its gain is 1 until it is told to fall.
    pub fn is_on(&self) -> bool {
        self.state == State::On
    }

    /// The gain of the next frame, 0 … 1.
    pub fn step(&mut self) -> f32 {
        match &mut self.state {
            State::In { done, total } => {
                *done += 1;
                let gain = rise(*done, *total);
                if *done >= *total {
                    self.state = State::On;
                }
                gain
            }
            State::On => 1.0,
            State::Out { done, total, from } => {
                *done += 1;
                let gain = *from * (1.0 - rise(*done, *total));
                if *done >= *total {
                    self.state = State::Off;
                }
                gain
            }
            State::Off => 0.0,
        }
    }
}

fn rise(done: u32, total: u32) -> f32 {
    if done >= total { 1.0 } else { 0.5 - 0.5 * (std::f32::consts::PI * done as f32 / total as f32).cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_step(gains: &[f32]) -> f32 {
        gains.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_fade_rises_and_falls_without_a_jump() {
        let mut declick = Declick::fade_in(48);
        let mut gains: Vec<f32> = std::iter::once(0.0).chain((0..60).map(|_| declick.step())).collect();
        assert!(gains[1] > 0.0 && gains[1] < 0.01);
        assert_eq!(gains.last(), Some(&1.0));
        declick.fade_out(240);
        gains.extend((0..240).map(|_| declick.step()));
        assert!(declick.is_off());
        assert!(largest_step(&gains) < 0.04);
        assert_eq!(declick.step(), 0.0);
    }

    #[test]
    fn a_fade_that_is_cut_short_falls_from_where_it_stood() {
        let mut declick = Declick::fade_in(100);
        let mut gains: Vec<f32> = (0..40).map(|_| declick.step()).collect();
        declick.fade_out(100);
        gains.extend((0..100).map(|_| declick.step()));
        assert!(largest_step(&gains) < 0.02);
        assert!(declick.is_ending() && declick.is_off());
    }
}
