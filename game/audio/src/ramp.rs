//! A value that moves in a straight line, so that no change of volume is heard as a click or as steps.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    value: f32,
    target: f32,
    /// Frames until the target is reached.
    left: u32,
}

impl Ramp {
    /// Rests at `value`.
    pub fn at(value: f32) -> Self {
        Self { value, target: value, left: 0 }
    }

    /// Begins to move to `target`, from wherever it stands, over `frames`. On its way there already, it goes on.
    pub fn move_to(&mut self, target: f32, frames: u32) {
        if target != self.target {
            self.target = target;
            self.left = frames.max(1);
        }
    }

    /// The value at which it rests; `None` while it moves.
    pub fn resting(&self) -> Option<f32> {
        (self.left == 0).then_some(self.value)
    }

    /// The value of the next frame.
    pub fn step(&mut self) -> f32 {
        if self.left > 0 {
            self.value += (self.target - self.value) / self.left as f32;
            self.left -= 1;
            if self.left == 0 {
                self.value = self.target;
            }
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_arrives_on_time_by_equal_steps() {
        let mut ramp = Ramp::at(1.0);
        ramp.move_to(0.0, 4);
        let values: Vec<f32> = (0..5).map(|_| ramp.step()).collect();
        assert_eq!(values, [0.75, 0.5, 0.25, 0.0, 0.0]);
        assert_eq!(ramp.resting(), Some(0.0));
    }

    #[test]
    fn it_turns_round_without_a_jump() {
        let mut ramp = Ramp::at(0.0);
        ramp.move_to(1.0, 100);
        let half = (0..50).map(|_| ramp.step()).last();
        ramp.move_to(0.0, 100);
        let next = ramp.step();
        assert!(half.is_some_and(|half| (half - next).abs() < 0.01) && ramp.resting().is_none());
    }
}
