/* SPDX-License-Identifier: MIT */
#ifndef HW_CPU_IPI_H
#define HW_CPU_IPI_H

void ipi_init(void); /* boot CPU, after irq_init(): takes the vectors */

#endif
