// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// One setting as it was written, before it is applied.
struct Setting {
    let flag: Flag
    /// Nil = a boolean's bare name.
    let value: String?
    /// How to call it in an error: `-addr`, `IMAGEPROXY_ADDR`, `addr (line 3 of /etc/imageproxy.conf)`.
    let name: String

    func apply(to configuration: inout Configuration) throws(UsageError) {
        do throws(FlagError) {
            switch self.flag.kind {
            case .boolean(let set):
                guard let isOn = self.value.map(Self.boolean) ?? true else {
                    throw FlagError(expected: "true or false")
                }
                set(&configuration, isOn)
            case .value(let set), .repeatable(let set):
                try set(&configuration, self.value ?? "")
            }
        } catch {
            if let failure = error.failure {
                throw UsageError(description: "\(self.name): \(failure)", exitStatus: 1)
            }
            let shown = self.flag.isSecret ? "" : quoted(Redaction.setting(self.value ?? "")) + " "
            throw UsageError(description: "invalid value \(shown)for \(self.name): expected \(error.expected)")
        }
    }

    /// Go's `strconv.ParseBool`.
    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
