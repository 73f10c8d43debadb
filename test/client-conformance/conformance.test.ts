import { oneLanguage } from './cast.js';
import { LANGUAGES } from './languages.js';
import { declareMatrix } from './matrix-tests.js';

declareMatrix(LANGUAGES.map(oneLanguage), ['embedded', 'mongodb']);
