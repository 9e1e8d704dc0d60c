export const notStarted = (): string =>
  'This hub server is not connected to its relays yet: it starts after app.listen(), or by MigrationService.start() in an application that only calls app.init().';

export const noHttpServer = (): string =>
  'A relay holds the clients of the application’s HTTP server, but this application has none. Create it with NestFactory.create(), or give it the role "hub".';
