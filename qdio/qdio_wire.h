/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QDIO as it stands in guest storage and in channel programs. Big-endian.
 *
 * z/Architecture QDIO is not published; every layout here is the observable
 * contract of the Linux qdio driver (Linux 6.1 arch/s390/include/asm/qdio.h,
 * drivers/s390/cio), as written down in spec/qdio.md, whose sections are named.
 */
#ifndef QDIO_QDIO_WIRE_H
#define QDIO_QDIO_WIRE_H

#include <assert.h>
#include <stddef.h>

#include "common/be.h"

/* Numbers: spec/qdio.md 0.3. */
#define QDIO_BUFFERS 128      /* SBALs of a queue */
#define QDIO_SBAL_ENTRIES 16  /* SBALEs of an SBAL */
#define QDIO_OUT_QUEUES_MAX 4 /* Linux uses up to 4 on a subchannel */
#define QDIO_IN_QUEUES_MAX 2  /* data and completion queue */
#define QDIO_FORMAT_OSD 0
#define QDIO_FORMAT_FCP 1
#define QDIO_FORMAT_IQD 2

/* ---- channel programs: spec/qdio.md 2, spec/osa-qeth.md 2.1 ---------------------- */

enum qdio_ccw_cmd {
	QDIO_CCW_WRITE = 0x01,
	QDIO_CCW_READ = 0x02,
	QDIO_CCW_NOP = 0x03,
	QDIO_CCW_SENSE = 0x04,
	QDIO_CCW_TIC = 0x08, /* format 1 */
	QDIO_CCW_EQ = 0x1B,  /* establish queues; this and the next four are named by our CIWs */
	QDIO_CCW_AQ = 0x1F,  /* activate queues */
	QDIO_CCW_SII = 0x81, /* set interface identifier */
	QDIO_CCW_RNI = 0x82, /* read node identifier */
	QDIO_CCW_SENSE_ID = 0xE4,
	QDIO_CCW_RCD = 0xFA, /* read configuration data */
};

enum qdio_ccw_flag {
	QDIO_CCW_CD = 0x80,   /* chain data */
	QDIO_CCW_CC = 0x40,   /* chain command */
	QDIO_CCW_SLI = 0x20,  /* suppress incorrect length */
	QDIO_CCW_SKIP = 0x10, /* skip data transfer */
	QDIO_CCW_PCI = 0x08,
	QDIO_CCW_IDA = 0x04,
	QDIO_CCW_SUSPEND = 0x02,
};

struct qdio_ccw1 { /* format 1 */
	uint8_t cmd;
	uint8_t flags;
	be16 count;
	be32 cda; /* 31-bit absolute */
} BE_PACKED;
static_assert(sizeof(struct qdio_ccw1) == 8, "format-1 CCW");

struct qdio_ccw0 { /* format 0 */
	uint8_t cmd;
	uint8_t cda[3]; /* 24-bit absolute */
	uint8_t flags;
	uint8_t zero;
	be16 count;
} BE_PACKED;
static_assert(sizeof(struct qdio_ccw0) == 8, "format-0 CCW");

/* ORB word 1 (z/Architecture Principles of Operation, "Operation-Request Block"). */
#define QDIO_ORB_KEY_MASK 0xF0000000u
#define QDIO_ORB_FORMAT1 0x00800000u /* format-1 CCWs */
#define QDIO_ORB_PREFETCH 0x00400000u
#define QDIO_ORB_IDAW64 0x00020000u /* 64-bit control: the QDR has the layout below */
#define QDIO_ORB_LPM_MASK 0x0000FF00u

struct qdio_orb {
	be32 parm; /* interruption parameter */
	be32 ctl;  /* QDIO_ORB_* */
	be32 cpa;  /* channel-program address */
	be32 reserved[5];
} BE_PACKED;
static_assert(sizeof(struct qdio_orb) == 32, "ORB");

/* SCSW word 0 (Principles of Operation, "Subchannel-Status Word"; spec/qdio.md 9.2, 11.3). */
#define QDIO_SCSW_FMT1 0x00800000u
#define QDIO_SCSW_CC_MASK 0x03000000u	  /* deferred condition code */
#define QDIO_SCSW_QDIO_ACTIVE 0x00008000u /* byte 2 mask 0x80 */
#define QDIO_SCSW_FC_START 0x00004000u
#define QDIO_SCSW_FC_HALT 0x00002000u
#define QDIO_SCSW_FC_CLEAR 0x00001000u
#define QDIO_SCSW_AC_RESUME_PENDING 0x00000800u
#define QDIO_SCSW_AC_START_PENDING 0x00000400u
#define QDIO_SCSW_AC_HALT_PENDING 0x00000200u
#define QDIO_SCSW_AC_CLEAR_PENDING 0x00000100u
#define QDIO_SCSW_AC_SUBCH_ACTIVE 0x00000080u
#define QDIO_SCSW_AC_DEVICE_ACTIVE 0x00000040u
#define QDIO_SCSW_SC_ALERT 0x00000010u
#define QDIO_SCSW_SC_INTERMEDIATE 0x00000008u
#define QDIO_SCSW_SC_PRIMARY 0x00000004u
#define QDIO_SCSW_SC_SECONDARY 0x00000002u
#define QDIO_SCSW_SC_PENDING 0x00000001u
/* SCSW word 2: device status, subchannel status, residual count. */
#define QDIO_DSTAT_ATTENTION 0x80u
#define QDIO_DSTAT_STATUS_MODIFIER 0x40u
#define QDIO_DSTAT_BUSY 0x10u
#define QDIO_DSTAT_CHANNEL_END 0x08u
#define QDIO_DSTAT_DEVICE_END 0x04u
#define QDIO_DSTAT_UNIT_CHECK 0x02u
#define QDIO_DSTAT_UNIT_EXCEPTION 0x01u
#define QDIO_SSTAT_PCI 0x80u
#define QDIO_SSTAT_INCORRECT_LENGTH 0x40u
#define QDIO_SSTAT_PROGRAM_CHECK 0x20u
#define QDIO_SSTAT_PROTECTION_CHECK 0x10u
#define QDIO_SSTAT_CHANNEL_DATA_CHECK 0x08u
#define QDIO_SSTAT_CHANNEL_CONTROL_CHECK 0x04u

struct qdio_scsw {
	be32 w0;
	be32 cpa;
	uint8_t dstat;
	uint8_t sstat;
	be16 count; /* residual */
} BE_PACKED;
static_assert(sizeof(struct qdio_scsw) == 12, "SCSW");

#define QDIO_SENSE_BYTES 32
#define QDIO_SENSE0_COMMAND_REJECT 0x80u
#define QDIO_SENSE0_INTERVENTION 0x40u
#define QDIO_SENSE0_EQUIPMENT_CHECK 0x10u
#define QDIO_SENSE1_RESETTING_EVENT 0x80u

/* SENSE ID data and its command information words: spec/qdio.md 2.2. */
struct qdio_senseid {
	uint8_t ff; /* 0xFF */
	be16 cu_type;
	uint8_t cu_model;
	be16 dev_type;
	uint8_t dev_model;
	uint8_t zero;
	be32 ciw[8];
} BE_PACKED;
static_assert(sizeof(struct qdio_senseid) == 40, "SENSE ID data");
#define QDIO_CIW(type, cmd, count)                                                                 \
	(0x40000000u | (uint32_t)(type) << 24 | (uint32_t)(cmd) << 16 | (count))
#define QDIO_CIW_TYPE(ciw) (((ciw) >> 24) & 0x0Fu)
#define QDIO_CIW_CMD(ciw) (((ciw) >> 16) & 0xFFu)
#define QDIO_CIW_COUNT(ciw) ((ciw)&0xFFFFu)
enum qdio_ciw_type { QDIO_CIW_RCD, QDIO_CIW_SII, QDIO_CIW_RNI, QDIO_CIW_EQ, QDIO_CIW_AQ };
#define QDIO_CU_OSA 0x1731
#define QDIO_DEV_OSA 0x1732

/* Node-element descriptor of RCD data: spec/qdio.md 2.3. */
struct qdio_ned {
	uint8_t flags;
	uint8_t node[3];
	uint8_t type[6];  /* EBCDIC */
	uint8_t model[3]; /* EBCDIC */
	uint8_t manufacturer[3];
	uint8_t plant[2];
	uint8_t sequence[12];
	uint8_t tag[2]; /* record 1: CHPID, unit address; record 2 byte 1: CULA */
} BE_PACKED;
static_assert(sizeof(struct qdio_ned) == 32, "node-element descriptor");
#define QDIO_RCD_BYTES 128

/* ---- control blocks: spec/qdio.md 3 ---------------------------------------------- */

struct qdio_qdesc { /* queue descriptor, format 0: 3.2 */
	be64 sliba;
	be64 sla;
	be64 slsba;
	be32 reserved1;
	uint8_t key_slib_sl;   /* 0xF0 SLIB, 0x0F SL */
	uint8_t key_sbal_slsb; /* 0xF0 SBALs and data, 0x0F SLSB */
	be16 reserved2;
} BE_PACKED;
static_assert(sizeof(struct qdio_qdesc) == 32, "queue descriptor");

#define QDIO_QDR_BYTES 4096
#define QDIO_QDR_DESC 0x40 /* offset of the first descriptor */
struct qdio_qdr {	   /* 3.1 */
	uint8_t qfmt;
	uint8_t pfmt;
	uint8_t reserved1;
	uint8_t ac;
	uint8_t reserved2;
	uint8_t iqdcnt;
	uint8_t reserved3;
	uint8_t oqdcnt;
	uint8_t reserved4;
	uint8_t iqdsz; /* words */
	uint8_t reserved5;
	uint8_t oqdsz; /* words */
	uint8_t reserved6[36];
	be64 qiba;
	be32 reserved7;
	uint8_t qkey; /* 0xF0 */
	uint8_t reserved8[3];
	struct qdio_qdesc desc[126];
} BE_PACKED;
static_assert(sizeof(struct qdio_qdr) == QDIO_QDR_BYTES, "QDR");
static_assert(offsetof(struct qdio_qdr, qiba) == 0x30, "QDR QIB address");
static_assert(offsetof(struct qdio_qdr, desc) == QDIO_QDR_DESC, "QDR descriptors");

#define QDIO_QIB_RFLAG_QEBSM 0x80u
#define QDIO_QIB_AC_PCI 0x40u /* output PCI requests supported: stored by the device at EQ */
struct qdio_qib {	      /* 3.3 */
	uint8_t qfmt;
	uint8_t pfmt;
	uint8_t rflags;
	uint8_t ac;
	be32 reserved1;
	be64 isliba;
	be64 osliba;
	be64 reserved2;
	uint8_t ebcnam[8];
	uint8_t reserved3[88];
	uint8_t parm[128]; /* PCIT, BLKT, PQUE sections: advisory */
} BE_PACKED;
static_assert(sizeof(struct qdio_qib) == 256, "QIB");
static_assert(offsetof(struct qdio_qib, parm) == 0x80, "QIB parameters");

struct qdio_slib { /* 3.4: information only, its addresses are logical */
	be64 nsliba;
	be64 sla;
	be64 slsba;
	uint8_t reserved[1000];
	be64 slibe[QDIO_BUFFERS];
} BE_PACKED;
static_assert(sizeof(struct qdio_slib) == 2048, "SLIB");

#define QDIO_SL_BYTES (8 * QDIO_BUFFERS)
#define QDIO_SLSB_BYTES QDIO_BUFFERS
#define QDIO_SBAL_BYTES 256

/* ---- buffers: spec/qdio.md 5 ------------------------------------------------------ */

struct qdio_sbale {
	uint8_t eflags;
	uint8_t reserved;
	uint8_t scount;
	uint8_t sflags; /* SBALF n of the whole SBAL, n = index of the entry */
	be32 length;
	be64 addr;
} BE_PACKED;
static_assert(sizeof(struct qdio_sbale) == 16, "SBALE");

struct qdio_sbal {
	struct qdio_sbale e[QDIO_SBAL_ENTRIES];
} BE_PACKED;
static_assert(sizeof(struct qdio_sbal) == QDIO_SBAL_BYTES, "SBAL");

#define QDIO_EFLAG_LAST 0x40u
#define QDIO_EFLAG_CONTIGUOUS 0x20u
#define QDIO_EFLAG_FRAG_MASK 0x0Cu
#define QDIO_EFLAG_FRAG_FIRST 0x04u
#define QDIO_EFLAG_FRAG_MIDDLE 0x08u
#define QDIO_EFLAG_FRAG_LAST 0x0Cu
#define QDIO_SBALF0_PCI 0x40u /* interrupt when this output SBAL completes */
#define QDIO_SBALF_ERROR_ENTRY 14
#define QDIO_SBALF_ERROR_REASON 15

/* SBALF 15 reasons: 5.3; the choice between them is ours. */
enum qdio_reason {
	QDIO_REASON_NONE = 0x00,
	QDIO_REASON_INACTIVE = 0x04,
	QDIO_REASON_TARGET_FULL = 0x10,
	QDIO_REASON_NO_TARGET = 0x11,
	QDIO_REASON_TOO_BIG = 0x12,
	QDIO_REASON_BAD_BUFFER = 0x20,
};

/* SLSB states: 4.1. */
enum qdio_state {
	QDIO_IN_NOTINIT = 0x80,
	QDIO_IN_ACK = 0x81,
	QDIO_IN_EMPTY = 0x41,
	QDIO_IN_PRIMED = 0x82,
	QDIO_IN_HALTED = 0x8E,
	QDIO_IN_ERROR = 0x8F,
	QDIO_OUT_NOTINIT = 0xA0,
	QDIO_OUT_PRIMED = 0x62,
	QDIO_OUT_EMPTY = 0xA1,
	QDIO_OUT_PENDING = 0xA3,
	QDIO_OUT_HALTED = 0xAE,
	QDIO_OUT_ERROR = 0xAF,
};

/* ---- asynchronous operation block: spec/qdio.md 10.4 ----------------------------------- */

#define QDIO_AOB_BYTES 256u

struct qdio_aob {
	uint8_t zero[0x33];
	uint8_t aorc;  /* SBALF 15's codes; 0: delivered */
	uint8_t flags; /* the device's */
	uint8_t cbtbs[2];
	uint8_t sb_count; /* storage blocks */
	be64 sba[QDIO_SBAL_ENTRIES];
	be16 dcount[QDIO_SBAL_ENTRIES];
	be64 user0;
	be64 zero2[2];
	be64 user1[2]; /* the program's */
} BE_PACKED;
static_assert(sizeof(struct qdio_aob) == QDIO_AOB_BYTES, "AOB");
static_assert(offsetof(struct qdio_aob, aorc) == 0x33, "aorc");
static_assert(offsetof(struct qdio_aob, sba) == 0x38, "sba");
static_assert(offsetof(struct qdio_aob, dcount) == 0xB8, "dcount");
static_assert(offsetof(struct qdio_aob, user1) == 0xF0, "user1");

/* ---- SIGA: spec/qdio.md 6 ---------------------------------------------------------- */

enum qdio_siga_fc { QDIO_SIGA_W, QDIO_SIGA_R, QDIO_SIGA_S, QDIO_SIGA_WM, QDIO_SIGA_WQ };
#define QDIO_SIGA_TOKEN 0x80u	   /* GR0: GR1 holds a QEBSM token */
#define QDIO_SIGA_BUSY 0x80000000u /* GR0 on return */
#define QDIO_SIGA_QUEUE(i) (0x80000000u >> (i))

/* ---- CHSC: spec/qdio.md 8 ------------------------------------------------------------ */

#define QDIO_CHSC_BLOCK_BYTES 4096
enum qdio_chsc_code {
	QDIO_CHSC_PATH = 0x0002,
	QDIO_CHSC_SUBCHANNEL = 0x0004,
	QDIO_CHSC_CHARACTERISTICS = 0x0010,
	QDIO_CHSC_SADC = 0x0021,
	QDIO_CHSC_SSQD = 0x0024,
	QDIO_CHSC_DOMAIN_ATTR = 0x0031,
	QDIO_CHSC_SDCAL = 0x0034,
	QDIO_CHSC_PNSO = 0x003D,
};
enum qdio_chsc_rc {
	QDIO_CHSC_OK = 0x0001,
	QDIO_CHSC_INVALID_COMMAND = 0x0002,
	QDIO_CHSC_INVALID_REQUEST = 0x0003,
	QDIO_CHSC_NOT_PROVIDED = 0x0004,
	QDIO_CHSC_PNSO_PARAMETER = 0x0106,
};

#define QDIO_PNSO_REQUEST 0x30
enum qdio_pnso_op { QDIO_PNSO_BRIDGE = 0, QDIO_PNSO_ALL = 3 };

/* Response of PNSO behind the header, 8.5; entries follow. */
struct qdio_pnso_list {
	be64 resume[2]; /* 0: the list is complete */
	be32 zero;
	be32 instance;
	uint8_t zero2[3];
	uint8_t entry_bytes;
	be32 zero3[3];
} BE_PACKED;
static_assert(sizeof(struct qdio_pnso_list) == 0x28, "PNSO");
static_assert(offsetof(struct qdio_pnso_list, instance) == 0x4C - 0x38, "instance");
static_assert(offsetof(struct qdio_pnso_list, entry_bytes) == 0x53 - 0x38, "entry size");

struct qdio_chsc_hdr {
	be16 length;
	be16 code;
} BE_PACKED;
static_assert(sizeof(struct qdio_chsc_hdr) == 4, "CHSC header");

struct qdio_ssqd {     /* entry of a store-subchannel-QDIO-data response: 8.2 */
	uint8_t flags; /* QDIO_SSQD_* */
	uint8_t reserved1;
	be16 sch;
	uint8_t qfmt;
	uint8_t parm;
	uint8_t qdioac1;
	uint8_t sch_class;
	uint8_t pcnt;
	uint8_t icnt;
	uint8_t reserved2;
	uint8_t ocnt;
	uint8_t reserved3;
	uint8_t mbccnt;
	be16 qdioac2;
	be64 sch_token;
	uint8_t mro;
	uint8_t mri;
	be16 qdioac3;
	be16 reserved4;
	uint8_t reserved5;
	uint8_t mmwc;
} BE_PACKED;
static_assert(sizeof(struct qdio_ssqd) == 32, "SSQD entry");
#define QDIO_SSQD_CAPABLE 0x80u
#define QDIO_SSQD_VALID 0x40u
#define QDIO_AC1_INITIATE_INPUT 0x80u
#define QDIO_AC1_SIGA_R 0x40u
#define QDIO_AC1_SIGA_W 0x20u
#define QDIO_AC1_SIGA_S 0x10u
#define QDIO_AC1_QEBSM_AVAILABLE 0x02u
#define QDIO_AC1_QEBSM_ENABLED 0x01u
#define QDIO_AC2_SNIFFER 0x0008u
#define QDIO_AC2_SNIFFER 0x0008u
#define QDIO_AC3_CQ 0x8000u

struct qdio_sadc {		  /* set-adapter-device-controls request: 8.3 */
	struct qdio_chsc_hdr hdr; /* length 0x0FE0, code 0x0021 */
	be16 operation;		  /* 0 */
	uint8_t reserved1[10];
	be64 summary; /* LSI, absolute; 0 = reset */
	be64 dsci;    /* absolute; 0 = reset */
	uint8_t keys; /* 0xF0 LSI, 0x0F DSCI */
	uint8_t reserved2[2];
	uint8_t isc;   /* 0x07 interruption subclass */
	be32 controls; /* 0x10000000: no time delay */
	be32 reserved3;
	be32 schid; /* subsystem-identification word */
	uint8_t reserved4[0xFB0];
} BE_PACKED;
static_assert(sizeof(struct qdio_sadc) == 0xFE0, "SADC request");
static_assert(offsetof(struct qdio_sadc, schid) == 0x2C, "SADC subchannel");

#define QDIO_CHARS_GENERAL 0x18 /* block offset of the general characteristics */
#define QDIO_CHARS_CHSC 0x810	/* block offset of the CHSC characteristics: 8.1 */

#define QDIO_CHPID_OSD 0x11 /* channel-path types: 8.4 */
#define QDIO_CHPID_IQD 0x24

/* Subsystem-identification word: 0x0001nnnn, subchannel set in mask 0x00060000 (6.1). */
#define QDIO_SCHID(nr) (0x00010000u | (nr))

/* Interruption code of an adapter interruption, lowcore 0xC0: 9.3. */
#define QDIO_AIRQ_CODE(isc) (0x80000000u | (uint32_t)(isc) << 27)

#endif
