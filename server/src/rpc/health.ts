import type { DescService } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { ResourceInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import {
  Health,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../gen/grpc/health/v1/health_pb.js';
import { type Methods, type ServiceRoutes, serviceRoutes } from './method.js';
import { Code, detail, RpcError } from './status.js';

/** grpc.health.v1 for the given services and for "", the server as a whole. Not serving once the server begins to stop. */
export function healthService(services: readonly DescService[], closing: AbortSignal): ServiceRoutes {
  const names = ['', ...services.map(({ typeName }) => typeName)];
  const status = () => (closing.aborted ? ServingStatus.NOT_SERVING : ServingStatus.SERVING);
  const methods: Methods<typeof Health> = {
    check({ service }) {
      if (!names.includes(service)) throw unknownService(service);
      return create(HealthCheckResponseSchema, { status: status() });
    },

    list() {
      const statuses = Object.fromEntries(names.map((name) => [name, { status: status() }]));
      return create(HealthListResponseSchema, { statuses });
    },

    async *watch({ service }, { signal }) {
      const isKnown = names.includes(service);
      yield create(HealthCheckResponseSchema, { status: isKnown ? status() : ServingStatus.SERVICE_UNKNOWN });
      await aborted(signal);
      yield create(HealthCheckResponseSchema, { status: ServingStatus.NOT_SERVING });
    },
  };
  return serviceRoutes(Health, methods, { isOpen: true });
}

function unknownService(service: string): RpcError {
  return new RpcError(Code.notFound, `there is no service "${service}" here`, [
    detail(ResourceInfoSchema, { resourceType: 'service', resourceName: service }),
  ]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
