/** A route store with some answers of its own, so that something can happen between two steps of a worker. */

import type { RouteStore } from "@gitsync/producer";

export function storeWith(routes: RouteStore, own: Partial<RouteStore>): RouteStore {
  return new Proxy(routes, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
