// SPDX-License-Identifier: Apache-2.0

/// Numbers that may lie beyond the end: nil then.
extension Span<UInt8> {
    func little16(_ at: Int) -> Int? {
        guard at >= 0, at <= self.count - 2 else { return nil }
        return Int(self[at]) | Int(self[at + 1]) << 8
    }

    func little32(_ at: Int) -> Int? {
        guard at <= self.count - 4, let low = self.little16(at), let high = self.little16(at + 2) else { return nil }
        return low | high << 16
    }

    func big16(_ at: Int) -> Int? { self.little16(at).map { $0 >> 8 | ($0 & 0xFF) << 8 } }

    func big32(_ at: Int) -> Int? {
        guard at <= self.count - 4, let high = self.big16(at), let low = self.big16(at + 2) else { return nil }
        return high << 16 | low
    }
}

extension ImageSize {
    /// A size that a header declares, if it can be one.
    init?(declared width: Int?, _ height: Int?) {
        guard let width, let height, (1...Int(Int32.max)).contains(width), (1...Int(Int32.max)).contains(height) else {
            return nil
        }
        self.init(width: width, height: height)
    }
}
