import { expect, test } from "vitest";
import { expositionText } from "./exposition.ts";

test("names, help, types and labels are written as Prometheus reads them", () => {
  const text = expositionText([
    {
      name: "lag_seconds",
      type: "gauge",
      help: "one\\two\nthree",
      samples: [
        { labels: { route: 'a"b\\c\nd' }, value: 1.5 },
        { labels: {}, value: 0 },
      ],
    },
    { name: "hooks_total", type: "counter", help: "none yet", samples: [] },
  ]);
  expect(text).toBe(
    [
      "# HELP lag_seconds one\\\\two\\nthree",
      "# TYPE lag_seconds gauge",
      'lag_seconds{route="a\\"b\\\\c\\nd"} 1.5',
      "lag_seconds 0",
      "# HELP hooks_total none yet",
      "# TYPE hooks_total counter",
      "",
    ].join("\n"),
  );
});
