// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// What is to be made of a picture, and at what cost.
public struct JobRequest: Sendable {
    public var options: TransformOptions
    /// Whether the result may be larger than the source: the server's setting.
    public var scaleUp: Bool
    public var limits: PixelLimits
    public var policy: ResultPolicy
    /// Nanoseconds of `CLOCK_MONOTONIC` at which to give up; 0 = never.
    public var deadline: UInt64

    public init(
        options: TransformOptions, scaleUp: Bool, limits: PixelLimits, policy: ResultPolicy = ResultPolicy(),
        deadline: UInt64
    ) {
        self.options = options
        self.scaleUp = scaleUp
        self.limits = limits
        self.policy = policy
        self.deadline = deadline
    }
}
