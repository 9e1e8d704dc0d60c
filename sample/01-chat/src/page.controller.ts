import { Controller, Get, Header } from '@nestjs/common';
import { page } from './page.js';

@Controller()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return page;
  }
}
